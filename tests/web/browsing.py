"""A reader without a browser: fills in the forms of a page as it stands, and presses their buttons."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode

from chalicelib.clock import clock_starting_at
from chalicelib.runtime import Runtime
from tests.web.answers import Answer
from tests.web.client import Client
from tests.web.site import AFTER

Fields = dict[str, list[str]]


class Forms(HTMLParser):
    """The forms of a page: what each would send as it stands, all values there are, and its buttons."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent, self.all, self.buttons = list[Fields](), list[list[str]](), list[list[Fields]]()
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        told = {"value": "", **{name: value or "" for name, value in attrs}}
        if tag == "form":
            self.sent.append({})
            self.all.append([])
            self.buttons.append([])
        elif tag == "button":
            self.buttons[-1].append({told["name"]: [told["value"]]} if "name" in told else {})
        elif tag == "select":
            self._select = told["name"]
        elif tag == "option":
            self.all[-1].append(f"{self._select}={told['value']}")
            if "selected" in told:
                self.sent[-1].setdefault(self._select, []).append(told["value"])
        elif tag == "input":
            self.all[-1].append(f"{told['name']}={told['value']}")
            if told["type"] not in {"radio", "checkbox"} or "checked" in told:
                self.sent[-1].setdefault(told["name"], []).append(told["value"])


def ticked(page: Answer, form: int = 0) -> list[str]:
    """What is ticked or typed in a form, but for what it bears by itself."""
    fields = Forms(page.text).sent[form]
    return [
        f"{name}={value}" for name, values in fields.items() if name not in {"form", "had", "act"} for value in values
    ]


def press(
    client: Client,
    path: str,
    page: Answer,
    changes: Mapping[str, object] | None = None,
    *,
    form: int = 0,
    button: int = 0,
) -> Answer:
    """Send a form of a page with some fields changed (None takes one out), by one of its buttons."""
    forms = Forms(page.text)
    fields: dict[str, object] = {**forms.sent[form], **forms.buttons[form][button], **(changes or {})}
    return client.post(path, body({name: value for name, value in fields.items() if value is not None}))


def body(fields: Mapping[str, object]) -> bytes:
    """An urlencoded form."""
    return urlencode(fields, doseq=True).encode()


def at(runtime: Runtime, seconds: float = 0, *, moment: datetime = AFTER) -> datetime:
    """Set the clock so many seconds after the site's usual moment; it stands still there."""
    now = moment + timedelta(seconds=seconds)
    runtime.clock = lambda: now
    return now


def everything(runtime: Runtime) -> list[object]:
    """All that the table holds, to compare with."""
    return [(item.key, item.data, item.version) for item in runtime.table.everything()]


def tasks(runtime: Runtime) -> list[str]:
    """The notices that were asked for; they are taken out of the queue."""
    messages = runtime.notice_queue.receive(10)
    for message in messages:
        runtime.notice_queue.delete(message)
    return [message.body for message in messages]


__all__ = ["Fields", "Forms", "at", "body", "clock_starting_at", "everything", "press", "tasks", "ticked"]
