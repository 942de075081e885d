"""Answers of public routes: headers that every one bears, errors as pages, and the request in hand."""

import functools
import hashlib
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import TYPE_CHECKING

from chalice.app import CaseInsensitiveMapping, Request, Response

from chalicelib.errors import (
    BadLinkError,
    BundleError,
    ExpiredLinkError,
    NotFoundError,
    SendbriefError,
    StoreUnavailableError,
)
from chalicelib.invocation import request_id
from chalicelib.logs import about, logger
from chalicelib.web import house
from chalicelib.web.languages import choose_language

if TYPE_CHECKING:
    from chalicelib.web.pages import Page, Pages

LOG = logger(__name__)
_request: ContextVar[Request] = ContextVar("request")  # Chalice keeps one for all threads; this is each one's own

USUAL_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
HTML, TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
RETRY_SECONDS = 30
_KINDS = {404: "not_found", 405: "method", 413: "too_large", 429: "too_many", 503: "busy"}


class RefusedError(SendbriefError):
    """A request that is answered with an error page: its status, and the kind below ``web.errors`` or ''."""

    def __init__(self, status: int, kind: str = "") -> None:
        super().__init__(f"The request is refused: {status} {kind}.")
        self.status, self.kind = status, kind


def request() -> Request:
    """The request that this thread answers."""
    return _request.get()


def query(name: str) -> str:
    """A parameter of the query string, the first of its name, or ''."""
    values = request().query_params
    return str(values.get(name) or "") if values is not None else ""


def pages() -> "Pages":
    """The pages in the language the request asks for. Raises ConfigurationError where the site is broken."""
    from chalicelib.web.pages import Pages  # what pages are made with takes longer to load than all else of a door

    site = house.runtime().site
    accepted = str(request().headers.get("accept-language") or "")
    return Pages(site, choose_language(site.languages, query("lang"), accepted))


def answer(page: "Page", status: int = 200, *, cache: str = "no-store", **headers: str) -> Response:
    """A page as a response. ``cache`` is its Cache-Control; a cached page differs by Accept-Language."""
    bears = {"Content-Type": HTML, "Content-Security-Policy": page.policy, "Cache-Control": cache}
    vary = {} if cache == "no-store" else {"Vary": "Accept-Language"}
    return Response(page.html.encode("utf-8", "replace"), {**bears, **vary, **headers}, status)


def file_answer(body: bytes, media_type: str, *, cache: str, **headers: str) -> Response:
    """Bytes that a reader may have already: they are told by ETag, and then answered with 304."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = tag in str(request().headers.get("if-none-match") or "")
    bears = {"Content-Type": media_type, "Cache-Control": cache, "ETag": tag}
    return Response(b"" if known else body, {**bears, **headers}, 304 if known else 200)


def error_answer(status: int, kind: str = "") -> Response:
    """What went wrong, in words that echo nothing of the request; plain text where even the pages are broken."""
    if _asked_by_program():
        from chalicelib.web.api.problems import problem_answer

        return problem_answer(status)
    key = f"web.errors.{kind or _KINDS.get(status, 'trouble' if status >= 500 else 'bad')}"
    try:
        shown = pages()
        page = shown.page("error", title=shown.say(f"{key}.title"), text=shown.say(f"{key}.text"))
        return answer(page, status)
    except SendbriefError as error:
        LOG.error("The error page can't be shown: %s", error)
        return Response(f"{status} {HTTPStatus(status).phrase}\n".encode(), {"Content-Type": TEXT}, status)


def _asked_by_program() -> bool:
    asked = _request.get(None)
    paths = (asked.path, str(asked.to_original_event().get("path") or "")) if asked is not None else ()
    return any(path.startswith("/api/") for path in paths)


def door(view: Callable[..., Response]) -> Callable[..., Response]:
    """A view whose SendbriefErrors become pages: not found, busy, or trouble that the log tells of."""

    @functools.wraps(view)
    def guarded(**parts: str) -> Response:
        try:
            return view(**parts)
        except BadLinkError:
            return error_answer(404, "bad_link")
        except ExpiredLinkError:
            return error_answer(410, "old_link")
        except NotFoundError:
            return error_answer(404)
        except RefusedError as error:
            return error_answer(error.status, error.kind)
        except StoreUnavailableError as error:
            LOG.warning("The store is not available: %s", error)
            response = error_answer(503)
            response.headers["Retry-After"] = str(RETRY_SECONDS)
            return response
        except BundleError as error:
            LOG.error("There is no site to show: %s", error)
            response = error_answer(503)
            response.headers["Retry-After"] = str(RETRY_SECONDS)
            return response
        except SendbriefError as error:
            LOG.error("%s failed: %s", view.__name__, error)
            return error_answer(500)

    return guarded


def finish(asked: Request, get_response: Callable[[Request], Response]) -> Response:
    """The middleware of all routes: Chalice's own errors become pages, and every answer bears the headers."""
    if not asked.headers.get("accept"):  # RFC 9110, 12.5.1: none means any; Chalice would refuse pictures
        asked.headers = CaseInsensitiveMapping({**asked.headers, "accept": "*/*"})
    token = _request.set(asked)
    try:
        with about(request_id=request_id(asked.lambda_context)):
            return finished(get_response(asked), asked.method)
    finally:
        _request.reset(token)


def finished(response: Response, method: str) -> Response:
    """The response as it goes out: a page, the usual headers, bytes, and no body for HEAD."""
    if not any(name.lower() == "content-type" for name in response.headers):
        page = error_answer(response.status_code)
        page.headers.update(response.headers)  # such as Allow
        response = page
    response.headers = {**USUAL_HEADERS, **response.headers}
    if not isinstance(response.body, bytes):
        response.body = str(response.body).encode("utf-8", "replace")
    if method == "HEAD":
        response.body = b""
    return response
