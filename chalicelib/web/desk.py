"""The desk of one machine: the inbox of the Maildir and the status page. No function ever serves it."""

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote

from chalice.app import Request, Response

from chalicelib.errors import NotFoundError
from chalicelib.runtime import Runtime
from chalicelib.web.answers import HTML, answer, door, error_answer, finish, pages, query, request
from chalicelib.web.inbox import body, find_mail, html_on_this_machine, inbox_page, mail_line, raw_headers
from chalicelib.web.status import edition_rows, reader_rows, source_rows, spent_row
from chalicelib.web.wsgi import Environ, StartResponse, path_of, proxy_event, send

VIEWS = ("html", "phone", "text", "headers")
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
_MAIL = re.compile(r"/inbox/([^/]{1,255})(/html)?")
_LOCAL_HOST = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)


class Desk:
    """A WSGI application. Unless ``any_host``, it answers to names of this machine alone: a page elsewhere whose
    name is made to point here (DNS rebinding) can't read the mails.
    """

    def __init__(self, runtime: Runtime, *, any_host: bool = False) -> None:
        self._runtime, self._any_host = runtime, any_host

    def takes(self, environ: Environ) -> bool:
        """Whether a request is the desk's."""
        return path_of(environ).rstrip("/").split("/")[1:2] in (["inbox"], ["status"])

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        path = path_of(environ).rstrip("/")
        environ = {**environ, "CONTENT_LENGTH": "0"}  # nothing here takes a body
        asked = Request(proxy_event(environ, path, path, {}), None)
        response = finish(asked, lambda _: door(self._answer)(path=path, host=environ.get("HTTP_HOST", "")))
        return send(response.to_dict(["*/*"]), asked.method, start_response)

    def _answer(self, path: str, host: str) -> Response:
        if not self._any_host and not _LOCAL_HOST.fullmatch(host):
            return error_answer(403)
        if request().method not in ("GET", "HEAD"):
            response = error_answer(405)
            response.headers["Allow"] = "GET, HEAD"
            return response
        return self._view(path)()

    def _view(self, path: str) -> Callable[[], Response]:
        if path == "/inbox":
            return self._inbox
        if path == "/status":
            return self._status
        if match := _MAIL.fullmatch(path):
            name = unquote(match[1])
            return (lambda: self._mail_html(name)) if match[2] else (lambda: self._mail(name))
        raise NotFoundError("There is no such page.")

    def _inbox(self) -> Response:
        shown, number = pages(), query("page")
        page = inbox_page(
            self._runtime.settings.maildir, shown.site, int(number) if re.fullmatch("[1-9][0-9]{0,5}", number) else 1
        )
        return answer(shown.page("inbox", desk=True, page=page, zone=shown.site.time_zone))

    def _status(self) -> Response:
        shown = pages()
        page = shown.page(
            "status", desk=True, editions=edition_rows(self._runtime, shown),
            readers=reader_rows(self._runtime, shown), sources=source_rows(self._runtime, shown),
            alarms=self._runtime.guard.alarms.open(self._runtime.clock()), spent=spent_row(self._runtime, shown),
        )  # fmt: skip
        return answer(page)

    def _mail(self, name: str) -> Response:
        shown, mail = pages(), find_mail(self._runtime.settings.maildir, name)
        if mail is None:
            raise NotFoundError("There is no such mail.")
        view = query("view") if query("view") in VIEWS else "html"
        page = shown.page(
            "mail", desk=True, mail=mail_line(name, mail, shown.site), view=view, views=VIEWS,
            has_html=bool(body(mail, "html")), text=body(mail, "plain"), headers=raw_headers(mail),
            zone=shown.site.time_zone,
        )  # fmt: skip
        return answer(page)

    def _mail_html(self, name: str) -> Response:
        shown, mail = pages(), find_mail(self._runtime.settings.maildir, name)
        html = body(mail, "html") if mail else ""
        if not html:
            raise NotFoundError("There is no such mail, or it has no HTML part.")
        local = html_on_this_machine(html, shown.site.base_url, shown.prefix)
        return Response(
            local.encode("utf-8", "replace"), {"Content-Type": HTML, "Content-Security-Policy": MAIL_POLICY}
        )
