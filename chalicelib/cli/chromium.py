"""Headless Chromium by its DevTools protocol over a pipe: pictures of mails as programs of today show them.

Nothing is loaded from a network: a page gets the pictures it is handed, every other request fails. The protocol is
a JSON object to a message, ended by NUL (https://chromedevtools.github.io/devtools-protocol/).
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from chalicelib.errors import UsageError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
SECONDS = 30.0
"""The longest one page may take."""
MAX_HEIGHT = 16_000
"""CSS pixels: more a picture can't hold."""
_FLAGS = (
    "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--force-color-profile=srgb", "--font-render-hinting=none",
)  # fmt: skip
Pictures = Callable[[str], bytes | None]
"""The bytes of a picture at a URL, or None."""


def find_chromium() -> str | None:
    """Where Chromium or Chrome lies on this machine, None where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or (str(MAC) if MAC.exists() else None)


def no_pictures(_url: str) -> None:
    """A page without pictures, as many read their mail."""


class Chromium:
    """A browser for the time of a ``with``. Raises UsageError where it does not answer."""

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._number = 0
        self._pending = b""

    def __enter__(self) -> "Chromium":
        self._profile = tempfile.TemporaryDirectory(prefix="sendbrief-chromium-", ignore_cleanup_errors=True)
        child_in, self._out = os.pipe()
        self._in, child_out = os.pipe()

        def pipes() -> None:  # the protocol's pipes are the descriptors 3 and 4, whatever numbers ours have
            first, second = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (child_in, child_out))
            os.dup2(first, 3)
            os.dup2(second, 4)

        self._process = subprocess.Popen(  # noqa: S603 - the binary was found by its name
            [self._binary, *_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=pipes,
        )  # fmt: skip
        os.close(child_in)
        os.close(child_out)
        target = self._call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})
        self._session = str(attached["sessionId"])
        for domain in ("Page", "Runtime"):
            self._call(f"{domain}.enable")
        self._call("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})
        self._frame = str(self._call("Page.getFrameTree")["frameTree"]["frame"]["id"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()

    def show(self, html: str, *, width: int, dark: bool = False, pictures: Pictures = no_pictures) -> None:
        """Load a page in a window ``width`` CSS pixels wide, and wait until all it loads is there."""
        self._pictures = pictures
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", {"features": scheme})
        self._resize(width, 800)
        self._call("Page.setDocumentContent", {"frameId": self._frame, "html": html})
        self.evaluate(
            "Promise.all([...document.images].map(i => i.complete || new Promise(d => i.onload = i.onerror = d)))"
        )

    def evaluate(self, script: str) -> Any:
        """What a script comes to, promises awaited. Raises UsageError where it throws."""
        told = self._call("Runtime.evaluate", {"expression": script, "awaitPromise": True, "returnByValue": True})
        if "exceptionDetails" in told:
            raise UsageError(f"Chromium: a script failed: {json.dumps(told['exceptionDetails'])[:300]}.")
        return told["result"].get("value")

    def picture(self, width: int, kind: str = "png") -> bytes:
        """The whole page shown, as PNG, JPEG or WebP, one pixel to a CSS pixel."""
        height = min(MAX_HEIGHT, int(self.evaluate("document.documentElement.scrollHeight")))
        self._resize(width, height)
        asked: dict[str, Any] = {"format": kind, "captureBeyondViewport": True}
        shot = self._call("Page.captureScreenshot", asked if kind == "png" else asked | {"quality": 80})
        return base64.b64decode(shot["data"])

    def _resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", metrics)

    def _call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        number, deadline = self._send(method, params), time.monotonic() + SECONDS
        while True:
            told = self._receive(deadline)
            if told.get("id") == number:
                if "error" in told:
                    raise UsageError(f"Chromium: {method}: {told['error'].get('message')}.")
                result: dict[str, Any] = told["result"]
                return result
            if told.get("method") == "Fetch.requestPaused":
                self._answer(told["params"])

    def _send(self, method: str, params: dict[str, Any] | None) -> int:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params or {}}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        whole = memoryview(json.dumps(message).encode() + b"\0")
        while whole:
            whole = whole[os.write(self._out, whole) :]
        return self._number

    def _answer(self, params: dict[str, Any]) -> None:
        """Hand a picture over, or let the request fail."""
        url, request = str(params["request"]["url"]), params["requestId"]
        body = self._pictures(url) if hasattr(self, "_pictures") else None
        if url.startswith("data:"):
            self._send("Fetch.continueRequest", {"requestId": request})
        elif body is None:
            self._send("Fetch.failRequest", {"requestId": request, "errorReason": "BlockedByClient"})
        else:
            answer = {"requestId": request, "responseCode": 200, "body": base64.b64encode(body).decode()}
            self._send("Fetch.fulfillRequest", answer)

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._pending:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            more = os.read(self._in, 1 << 20) if ready else b""
            if not more:
                raise UsageError("Chromium does not answer.", "Try again, or go without pictures: --no-pictures.")
            self._pending += more
        first, _, self._pending = self._pending.partition(b"\0")
        told: dict[str, Any] = json.loads(first)
        return told
