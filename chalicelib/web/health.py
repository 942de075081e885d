"""What probes ask `serve`: whether it answers, and whether it can do its work. Not a route of the functions."""

from collections.abc import Iterable

from chalicelib.errors import SendbriefError
from chalicelib.logs import logger
from chalicelib.runtime import Runtime
from chalicelib.store import Key
from chalicelib.web.wsgi import Environ, StartResponse, WsgiApp

LOG = logger(__name__)
ALIVE, READY = "/healthz", "/readyz"
_PROBE = Key("READY", "-")
"""An item that never is: it is asked for, to see whether the store answers."""


class Health:
    """Answers probes, and leaves all else to the pages.

    ``/healthz`` is 200 while requests are answered at all: who restarts for less would restart for every hiccup of the
    store. ``/readyz`` is 503 while the site can't be read or the store does not answer; the log says why, the answer
    doesn't, since anybody may ask.
    """

    def __init__(self, runtime: Runtime, pages: WsgiApp) -> None:
        self._runtime, self._pages = runtime, pages

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        path, method = environ.get("PATH_INFO"), environ.get("REQUEST_METHOD")
        if path not in (ALIVE, READY) or method not in ("GET", "HEAD"):
            return self._pages(environ, start_response)
        well = path == ALIVE or self._ready()
        body = b"ok\n" if well else b"not ready\n"
        start_response(
            "200 OK" if well else "503 Service Unavailable",
            [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")],
        )
        return [] if method == "HEAD" else [body]

    def _ready(self) -> bool:
        try:
            self._runtime.site  # noqa: B018 (reading it is the question)
            self._runtime.table.get(_PROBE)
        except SendbriefError as error:
            LOG.warning("Not ready: %s", error)
            return False
        return True
