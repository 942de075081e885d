"""A WSGI application that turns requests into the proxy events that the Chalice app takes, and its answers back.

So one machine serves the very routes that API Gateway does. Events have the shape of REST API proxy
events (payload format 1.0): path parameters decoded, bodies base64 since every type counts as binary.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from chalice.app import Chalice, Request

from chalicelib.web.answers import error_answer, finish

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

MAX_BODY_BYTES = 1024 * 1024
MAX_QUERY = 8192
_BODILESS = frozenset({204, 304})
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Route:
    resource: str
    pattern: re.Pattern[str]


class ProxyEvents:
    """The WSGI face of a Chalice app. ``prefix`` is the path of the site's base URL, mostly ''."""

    def __init__(self, app: Chalice, prefix: str = "") -> None:
        self._app, self._prefix = app, prefix
        # Fewer variables first, as API Gateway prefers the more exact resource.
        resources = sorted(app.routes, key=lambda resource: resource.count("{"))
        self._routes = [_Route(resource, _pattern(resource)) for resource in resources]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        path = path_of(environ)
        if self._prefix and path.startswith(f"{self._prefix}/"):
            path = path.removeprefix(self._prefix)
        found = self._match(path)
        event = proxy_event(environ, path, *(found or ("/", {})))
        if int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
            answer = refused(event, 413)
        elif found is None:
            answer = refused(event, 404)
        else:
            answer = self._app(event, None)
        return send(answer, event["httpMethod"], start_response)

    def _match(self, path: str) -> tuple[str, dict[str, str]] | None:
        """The resource and its path parameters; a slash at the end does not count."""
        trimmed = path.rstrip("/") or "/"
        for route in self._routes:
            if match := route.pattern.fullmatch(trimmed):
                return route.resource, match.groupdict()
        return None


def path_of(environ: Environ) -> str:
    """The decoded path. WSGI gives its bytes as Latin-1; what is no UTF-8 becomes U+FFFD, which no route takes."""
    return str(environ.get("PATH_INFO", "/")).encode("latin-1", "replace").decode("utf-8", "replace") or "/"


def proxy_event(environ: Environ, path: str, resource: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """An API Gateway proxy event; the body is read up to ``MAX_BODY_BYTES``."""
    headers = _headers(environ)
    query = _query(environ.get("QUERY_STRING", ""))
    method = environ["REQUEST_METHOD"]
    length = min(int(environ.get("CONTENT_LENGTH") or 0), MAX_BODY_BYTES)
    body = environ["wsgi.input"].read(length) if length else b""
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": path,
            "identity": {"sourceIp": environ.get("REMOTE_ADDR", "")},
        },
        "body": base64.b64encode(body).decode("ascii") if body else None,
        "isBase64Encoded": bool(body),
    }


def refused(event: dict[str, Any], status: int) -> dict[str, Any]:
    """The answer to a request that no route takes, as a page with the headers of all answers."""
    answer = finish(Request(event, None), lambda _: error_answer(status))
    answered: dict[str, Any] = answer.to_dict(["*/*"])
    return answered


def send(answer: Mapping[str, Any], method: str, start_response: StartResponse) -> Iterable[bytes]:
    """A proxy answer as a WSGI response. A HEAD's has no Content-Length: it would be the missing body's."""
    status = int(answer["statusCode"])
    body = _body(answer)
    lists = answer.get("multiValueHeaders") or {}
    headers = [(name, str(value)) for name, value in answer["headers"].items() if name not in lists]
    headers += [(name, str(value)) for name, values in lists.items() for value in values]
    if method != "HEAD" and status not in _BODILESS:
        headers.append(("Content-Length", str(len(body))))
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body] if body else []


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode("utf-8")
    except binascii.Error as error:
        raise ValueError("an answer's body is not the base64 it claims to be") from error


def _headers(environ: Environ) -> dict[str, str]:
    names = [name for name in environ if name.startswith("HTTP_")]
    headers = {name.removeprefix("HTTP_").replace("_", "-").title(): str(environ[name]) for name in names}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").title()] = str(environ[name])
    return headers


def _query(text: str) -> dict[str, list[str]]:
    """Parameters as lists. One that is too long or has too many fields counts as none at all."""
    try:
        return parse_qs(text[:MAX_QUERY], keep_blank_values=True, errors="replace", max_num_fields=100)
    except ValueError:
        return {}


def _pattern(resource: str) -> re.Pattern[str]:
    parts = _VARIABLE.split(resource)
    quoted = (f"(?P<{part}>[^/]+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile("".join(quoted), re.DOTALL)
