"""Another program that calls the API of a small site, in process, through the WSGI face of the Chalice app."""

import io
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from chalicelib.store.sqlite import SqliteTable
from chalicelib.web.api.keys import Keys
from chalicelib.web.api.table import SCOPES
from chalicelib.web.public import application
from chalicelib.web.wsgi import ProxyEvents
from tests.web.answers import Answer, check_answer
from tests.web.site import BEFORE

ADA, BO = "ada@example.org", "bo@example.org"
LOG = [{"name": "harbour-log"}]
RECORDED = {"consent": "recorded", "basis": "consent", "how": "Signed the list", "newsletters": LOG}
ASKED = {"consent": "double-opt-in", "newsletters": LOG}


class Clock:
    """Stands until it is moved by hand; the store forgets by it, too."""

    def __init__(self) -> None:
        self.now = BEFORE

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> datetime:
        """Let some time pass."""
        self.now += timedelta(**span)
        return self.now


def runtime_of(root: Path, data: Path, clock: Clock) -> Runtime:
    """A runtime on one machine that may tell webhooks on this machine."""
    settings = Settings(site=root, data=data, maildir=data / "maildir", secret="s" * 40, fetch_allow=("127.0.0.1",))
    runtime = Runtime(settings, clock)
    runtime.table = SqliteTable(runtime.database, clock=lambda: clock.now.timestamp())
    return runtime


@dataclass
class Program:
    """Calls with one key; each answer is checked for what all answers owe."""

    runtime: Runtime
    key: str = ""

    @classmethod
    def of(cls, runtime: Runtime, scopes: Collection[str] = tuple(SCOPES)) -> "Program":
        """A program with a key of its own."""
        return cls(runtime, Keys(runtime.table).create("CRM", scopes, runtime.clock())[1])

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None,
             **query: str | int) -> Answer:  # fmt: skip
        """One call below /api/v1; a body of bytes goes as it is, all else as JSON."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        bears = {"Content-Type": "application/json"} if raw else {}
        bears |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return ask(method, f"/api/v1{path}", raw, {**bears, **(headers or {})}, urlencode(query))

    def get(self, path: str, status: int = 200, **query: str | int) -> Any:
        """The JSON of a GET."""
        return self._json(self.call("GET", path, **query), status)

    def send(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """The JSON of any other call."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._json(self.call(method, path, body, named), status)

    def add(self, address: str = ADA, status: int = 201, **more: Any) -> str:
        """Somebody added on a recorded ground; their id."""
        return str(self.send("POST", "/subscribers", {"address": address, **RECORDED, **more}, status)["id"])

    def _json(self, answer: Answer, status: int) -> Any:
        assert answer.status == status, answer
        if status == 204:
            assert answer.body == b""
            return None
        kind = "application/problem+json" if status >= 400 else "application/json"
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "no-store"
        return json.loads(answer.body)


def ask(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, query: str = "",
        *, unchecked: int = 0) -> Answer:  # fmt: skip
    """One request to the app as a server would give it. An answer of status ``unchecked`` is not checked."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path.encode().decode("latin-1"), "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
    for name, value in (headers or {}).items():
        word = name.upper().replace("-", "_")
        environ[word if word.startswith("CONTENT_") else f"HTTP_{word}"] = value
    told: list[Any] = []
    raw = b"".join(ProxyEvents(application())(environ, lambda *given: told.extend(given)))
    answer = Answer(int(told[0].split()[0]), {k.lower(): v for k, v in told[1]}, raw)
    return answer if answer.status == unchecked else check_answer(answer, method)
