"""A person at headless Chromium: opens pages of one server, types, ticks, presses, by key and mouse and no script."""

import json
import time
from pathlib import Path
from typing import Any

from chalicelib.cli.chromium import SECONDS, Chromium

MIDDLE = """(element => {
  element.scrollIntoView({block: "center", behavior: "instant"});
  const box = element.getBoundingClientRect();
  return JSON.stringify([box.left + box.width / 2, box.top + box.height / 2]);
})"""


class Person(Chromium):
    """A browser that may load what begins with ``home`` and nothing else; requests beyond are in ``strayed``."""

    def __init__(self, binary: str, home: str, *, width: int, scripts: bool = True) -> None:
        super().__init__(binary)
        self._home, self._width, self._scripts = home, width, scripts
        self.strayed = list[str]()
        self._events = list[str]()

    def __enter__(self) -> "Person":
        super().__enter__()
        self._resize(self._width, 900)
        self._call("Emulation.setScriptExecutionDisabled", {"value": not self._scripts})
        return self

    def visit(self, url: str) -> None:
        """Open an address."""
        self._events.clear()
        self._call("Page.navigate", {"url": url})
        self._loaded()

    def press(self, selector: str) -> None:
        """Click what leads to another page, and wait for it."""
        self._events.clear()
        self.click(selector)
        self._loaded()

    def click(self, selector: str) -> None:
        """Click in the middle of what a selector finds, scrolled into view."""
        found = f"{MIDDLE}(document.querySelector({json.dumps(selector)}))"
        x, y = json.loads(self.evaluate(found))
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1})

    def type(self, selector: str, text: str) -> None:
        """Click into a field and type."""
        self.click(selector)
        self._call("Input.insertText", {"text": text})

    def text(self) -> str:
        """What the page says."""
        return str(self.evaluate("document.body.innerText"))

    def shoot(self, folder: Path, name: str) -> None:
        """Pictures of the page, light and dark; it must not scroll sideways in either."""
        for scheme in ("light", "dark"):
            self._call("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
            assert self.evaluate("document.documentElement.scrollWidth") <= self._width, (name, scheme)
            (folder / f"{name}-{self._width}-{scheme}.png").write_bytes(self.picture(self._width))
        self._resize(self._width, 900)

    def _loaded(self) -> None:
        deadline = time.monotonic() + SECONDS
        while "Page.loadEventFired" not in self._events:
            told = self._receive(deadline)
            if told.get("method") == "Fetch.requestPaused":
                self._answer(told["params"])

    def _receive(self, deadline: float) -> dict[str, Any]:
        told = super()._receive(deadline)
        self._events.append(str(told.get("method", "")))
        return told

    def _answer(self, params: dict[str, Any]) -> None:
        url = str(params["request"]["url"])
        if url.startswith(self._home):
            self._send("Fetch.continueRequest", {"requestId": params["requestId"]})
        else:
            self.strayed.append(url)
            super()._answer(params)
