"""The OpenAPI 3.1 document, made from the table of routes and the schemas that the door checks with."""

import re
from collections.abc import Mapping
from typing import Any

from chalicelib import __version__
from chalicelib.web.api.schemas import REQUESTS, SCHEMAS
from chalicelib.web.api.table import BASE, OPERATIONS, SCOPES, Operation

_PARTS: Mapping[str, dict[str, Any]] = {
    "subscriber": {"schema": {"type": "string", "minLength": 1, "maxLength": 254},
                   "description": "An id (24 hex digits), or an address; an address ends up in logs."},
    "newsletter": {"schema": {"type": "string", "minLength": 1, "maxLength": 64}, "description": "Its name."},
    "slot": {"schema": {"type": "string", "minLength": 1, "maxLength": 200}, "description": "Like 2026-11-26."},
}  # fmt: skip
_PROBLEMS = {
    400: "Something in the request is wrong; `field` says what.",
    401: "No key, or none that is known.",
    403: "The key lacks the scope.",
    404: "There is none such.",
    409: "Things stand otherwise by now.",
    413: "The body has more than 64 KB.",
    415: "The body is not sent as JSON.",
    422: "This Idempotency-Key was used for another request.",
    429: "Too many calls; Retry-After says when to come back.",
    503: "The store is not available for now.",
}
_DONE = {200: "Done.", 201: "Made.", 202: "Taken; the rest follows.", 204: "Gone."}
_KEY_HEADER = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "The first answer is kept for a day, and given again to the same call.",
}  # fmt: skip


def document() -> dict[str, Any]:
    """The document, the same for every site."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"{BASE}{operation.path}", {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sendbrief", "version": __version__, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Subscribers, editions and what happens, for other programs. See docs/operating.md.",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {str(status): _problem(status, words) for status, words in _PROBLEMS.items()},
            "securitySchemes": {"key": {
                "type": "http", "scheme": "bearer",
                "description": "A key made by `sendbrief keys create`. Scopes: "
                + " ".join(f"`{scope}`: {words}" for scope, words in SCOPES.items()),
            }},
        },
    }  # fmt: skip


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Takes the scope `{operation.scope}`.",
        "parameters": _parameters(operation),
        "responses": {str(status): _answer(status, schema) for status, schema in operation.answers.items()},
    }
    codes = {400, 401, 403, 429, 503, *operation.known, *({413, 415} if operation.body else ())}
    codes |= {422, 409} if operation.method == "POST" else set()
    told["responses"] |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(codes)}
    if operation.body:
        required = bool(REQUESTS[operation.body].get("required") or "oneOf" in REQUESTS[operation.body])
        told["requestBody"] = {"required": required, "content": _json(operation.body)}
    return told


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    path = [{"name": name, "in": "path", "required": True, **_PARTS[name]}
            for name in re.findall(r"\{(\w+)\}", operation.path)]  # fmt: skip
    query = [{"name": name, "in": "query", "required": False, "schema": schema}
             for name, schema in operation.query.items()]  # fmt: skip
    return [*path, *query, *([_KEY_HEADER] if operation.method == "POST" else [])]


def _answer(status: int, schema: str) -> dict[str, Any]:
    return {"description": _DONE[status], **({"content": _json(schema)} if schema else {})}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _problem(status: int, words: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": words, "content": content}
