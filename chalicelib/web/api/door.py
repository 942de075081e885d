"""The door of every route: key, scope, rate, shape, then the handler; whatever goes wrong becomes a problem."""

import importlib
import json
from collections.abc import Callable, Mapping

from chalice.app import Request, Response

from chalicelib.audience.address import CODES
from chalicelib.audience.limits import Limits, Rule
from chalicelib.errors import (
    AddressError,
    BundleError,
    IllegalTransitionError,
    NotFoundError,
    SegmentError,
    SendbriefError,
    StoreUnavailableError,
    UsageError,
)
from chalicelib.logs import logger
from chalicelib.runtime import Runtime
from chalicelib.web import house
from chalicelib.web.answers import RETRY_SECONDS, request
from chalicelib.web.api.calls import Call, Reply
from chalicelib.web.api.checking import read_body, read_query
from chalicelib.web.api.idempotency import once
from chalicelib.web.api.keys import ApiKey, Keys
from chalicelib.web.api.problems import ProblemError, problem_answer
from chalicelib.web.api.table import Operation

LOG = logger(__name__)
PER_KEY = Rule(300, 60)
"""Calls of one key: five a second for as long as it likes."""
_REALM = 'Bearer realm="sendbrief"'


def serve(operation: Operation, parts: Mapping[str, str]) -> Response:
    """The answer to one request."""
    try:
        return json_answer(_reply(operation, parts))
    except ProblemError as problem:
        return problem_answer(problem.status, problem.detail, problem.field, problem.headers)
    except AddressError as error:
        words = CODES.get(error.code, "it is none.")
        return problem_answer(400, f"This address can't be mailed: {words}", "address")
    except SegmentError as error:
        return problem_answer(400, f"The filter can't be read, at its character {error.position}.", "where")
    except NotFoundError:
        return problem_answer(404)
    except IllegalTransitionError as error:
        return problem_answer(409, error.message)
    except UsageError as error:
        return problem_answer(400, error.message)
    except StoreUnavailableError as error:
        LOG.warning("The store is not available: %s", error)
        return problem_answer(503, headers={"Retry-After": str(RETRY_SECONDS)})
    except BundleError as error:
        LOG.error("There is no site to work on: %s", error)
        return problem_answer(503, headers={"Retry-After": str(RETRY_SECONDS)})
    except SendbriefError as error:
        LOG.error("%s failed: %s", operation.name, error)
        return problem_answer(500)


def json_answer(reply: Reply) -> Response:
    """A reply as a response."""
    if reply.body is None:
        return Response(b"", {"Content-Type": "application/json", **reply.headers}, reply.status)
    content = json.dumps(reply.body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, {"Content-Type": "application/json", **reply.headers}, reply.status)


def _reply(operation: Operation, parts: Mapping[str, str]) -> Reply:
    asked, runtime = request(), house.runtime()
    now = runtime.clock()
    key = _key(asked, runtime, operation)
    taken = Limits(runtime.table, runtime.secrets.sid_key).take("api", key.id, PER_KEY, now)
    if not taken.ok:
        raise ProblemError(429, "Too many calls.", headers={"Retry-After": str(taken.retry_after_seconds)})
    raw = asked.raw_body if isinstance(asked.raw_body, bytes) else asked.raw_body.encode("utf-8", "replace")
    query = read_query(_given(asked), operation.query)
    media_type = str(asked.headers.get("content-type") or "")
    body = read_body(raw, media_type, operation.body) if operation.body else {}
    call = Call(runtime, key, now, operation.name, dict(parts), query, body)
    module, _, name = operation.handler.partition(":")
    handler: Callable[[Call], Reply] = getattr(importlib.import_module(f"chalicelib.web.api.{module}"), name)
    header = asked.headers.get("idempotency-key")
    if operation.method != "POST" or header is None:
        return handler(call)
    meant = json.dumps([operation.name, *sorted(parts.items())]).encode() + raw
    return once(runtime.table, key.id, str(header), meant, now, lambda: handler(call))


def _key(asked: Request, runtime: Runtime, operation: Operation) -> ApiKey:
    """The key of a request that may call an operation. Raises ProblemError (RFC 6750, 3)."""
    scheme, _, text = str(asked.headers.get("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        headers = {"WWW-Authenticate": _REALM}
        raise ProblemError(401, "Send a key: Authorization: Bearer sb_…", headers=headers)
    key = Keys(runtime.table).opened_by(text.strip(), runtime.clock())
    if key is None:
        headers = {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'}
        raise ProblemError(401, "There is no such key, or it was revoked.", headers=headers)
    if operation.scope not in key.scopes:
        told = f'{_REALM}, error="insufficient_scope", scope="{operation.scope}"'
        raise ProblemError(403, f"This key lacks the scope {operation.scope}.", headers={"WWW-Authenticate": told})
    return key


def _given(asked: Request) -> dict[str, list[str]]:
    params = asked.query_params
    return {str(name): [str(value) for value in params.getlist(name)] for name in params} if params is not None else {}
