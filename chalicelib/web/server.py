"""Serving on one machine: waitress with the same app that the functions run, and the desk beside it."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from waitress import create_server, wasyncore  # type: ignore[import-untyped]

from chalicelib.errors import UsageError
from chalicelib.runtime import Runtime
from chalicelib.web import house
from chalicelib.web.desk import Desk
from chalicelib.web.health import Health
from chalicelib.web.public import application
from chalicelib.web.wsgi import Environ, ProxyEvents, StartResponse, WsgiApp

THREADS = 8
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""What waitress itself reads before it gives up; the app's own limit is lower and answers with a page."""


class Running:
    """A server at work in threads of its own."""

    def __init__(self, application: WsgiApp, host: str, port: int, *, behind_proxies: bool = False) -> None:
        listening = _listen(host, port)
        self.port = int(listening.getsockname()[1])
        self._sockets: dict[int, Any] = {}
        self._server = create_server(
            application, map=self._sockets, sockets=[listening], threads=THREADS, ident=None,
            max_request_body_size=MAX_REQUEST_BYTES, clear_untrusted_proxy_headers=not behind_proxies,
        )  # fmt: skip
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="serve", daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is closed, or for some seconds; whether it is closed."""
        return self._stopping.wait(seconds)

    def close(self) -> None:
        """Stop: what is being answered is finished, then every socket is closed. Safe to call twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._sockets)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=0.2, use_poll=True, map=self._sockets, count=1)


def serve(runtime: Runtime, host: str, port: int, *, desk: bool = False, ready: Callable[[str], None]) -> Running:
    """Serve the site at ``host`` and ``port`` (0: any free one); ``ready`` gets the URL once it answers.

    The desk (inbox and status) is there only where ``desk`` asks for it: behind a proxy on the same machine
    everybody would look like whoever sits at it. Raises UsageError, ConfigurationError.
    """
    house.use(runtime, desk=desk)
    prefix = urlsplit(runtime.site.base_url).path.rstrip("/")
    _build(runtime)
    pages: WsgiApp = Health(runtime, ProxyEvents(application(), prefix))
    if desk:
        pages = _beside(Desk(runtime, any_host=not is_loopback(host)), pages)
    # waitress knows one proxy, by its address; client_address.py knows networks, and chains of them.
    running = Running(pages, host, port, behind_proxies=bool(runtime.settings.trusted_proxies))
    bare = host.strip("[]")
    ready(f"http://{f'[{bare}]' if ':' in bare else bare}:{running.port}/")
    return running


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _build(runtime: Runtime) -> None:
    """What requests share is built before there are threads."""
    for name in ("table", "blobs", "secrets", "tokens", "audience", "signups", "moves", "suppressions", "notice_queue"):
        getattr(runtime, name)


def _beside(desk: Desk, pages: WsgiApp) -> WsgiApp:
    def both(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return (desk if desk.takes(environ) else pages)(environ, start_response)

    return both


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UsageError where the address is taken, unknown or not ours."""
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        return socket.create_server((bare, port), family=family, backlog=128)
    except (OSError, OverflowError, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(
            f"Nothing can be served at {host}, port {port}: {words}.", "Name another with --port or --host."
        ) from None
