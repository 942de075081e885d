"""An SES (API v2) on 127.0.0.1: takes mails by SendEmail and SendBulkEmail, keeps them, and fails when told to.

It is stricter than the documents: what they limit or rule out is refused. ``python -m tests.fake_ses`` serves in a
process of its own, prints its address, and says at each line of its input how many mails came in how many calls.
"""

import argparse
import json
import re
import socket
import sys
import threading
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

SEND, BULK, ACCOUNT = "SendEmail", "SendBulkEmail", "GetAccount"
_PATHS = {
    ("POST", "/v2/email/outbound-emails"): SEND,
    ("POST", "/v2/email/outbound-bulk-emails"): BULK,
    ("GET", "/v2/email/account"): ACCOUNT,
}
_KEY = re.compile(r"\{\{([A-Za-z]+)\}\}")
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_NAME = re.compile(r"[!-9;-~]{1,126}")
_VALUE = re.compile("[ -~]{1,995}")
_RULED_OUT = frozenset(
    {"bcc", "cc", "content-disposition", "content-type", "date", "from", "message-id", "mime-version"}
    | {"reply-to", "return-path", "subject", "to"}
)
MOST_BYTES = 1_000_000


class Request(NamedTuple):
    """One call. ``recipients`` are addresses without names, in the order of a bulk's entries."""

    operation: str
    recipients: list[str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """An error as an answer. ``taken``: the mails were taken all the same."""

    status: int
    code: str
    message: str = ""
    taken: bool = False


@dataclass(frozen=True)
class Dropped:
    """The connection goes, before the mails are taken or after."""

    taken: bool = False


@dataclass(frozen=True)
class Garbled:
    """An answer 200 of these bytes; the mails are taken."""

    content: bytes
    taken: bool = True


@dataclass(frozen=True)
class Statuses:
    """What a bulk says of each entry; SUCCESS takes it. One may stand for all; there may be too few or too many."""

    each: Sequence[str]
    error: str = "as told"


Fault = Refusal | Dropped | Garbled


class FaultError(Exception):
    """Ends a call with a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Taken(NamedTuple):
    """A mail that SES took. ``raw`` is b"" where it was made of a template, the texts '' where it was not."""

    message_id: str
    sender: str
    to: str
    recipient: str
    raw: bytes
    subject: str
    html: str
    text: str
    headers: dict[str, str]
    tags: dict[str, str]
    configuration_set: str
    reply_to: tuple[str, ...]


Answer = Callable[[Request], Fault | Statuses | None]
"""What goes wrong with a call; None: nothing."""


@dataclass
class FakeSes:
    """A server in a thread, as a context. ``answer`` decides on each call; ``quota`` is that of GetAccount."""

    answer: Answer = lambda _: None
    max_24_hours: float = 50_000.0
    max_rate: float = 14.0
    sending_enabled: bool = True
    enforcement: str = "HEALTHY"
    quiet_calls: bool = False
    """Keep no bodies of calls: for long runs."""
    taken: list[Taken] = field(default_factory=list)
    unrendered: list[str] = field(default_factory=list)
    """Recipients whose mail was taken, and never goes out: a value was missing."""
    requests: list[Request] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    done: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    _round: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        handler = type("BoundHandler", (_Handler,), {"ses": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def reset(self) -> None:
        """Forget what came, and what still hangs from before, and answer as at first."""
        self.answer, self.sending_enabled = lambda _: None, True
        with self._lock:
            self._round += 1
            for kept in (self.taken, self.unrendered, self.requests, self.calls):
                kept.clear()
        self.done.set()
        self.done = threading.Event()

    def handle(self, operation: str, body: dict[str, Any], size: int) -> dict[str, Any]:
        """The answer to a call. Raises FaultError."""
        request = Request(operation, [_bare(d) for d in _destinations(operation, body)], body)
        with self._lock:
            now = self._round
            self.calls[operation] += 1
            if not self.quiet_calls:
                self.requests.append(request)
        fault = self.answer(request)
        if fault is None and operation == ACCOUNT:
            return self._account()
        if isinstance(fault, Refusal | Dropped | Garbled):
            if fault.taken:
                self._keep(now, self._read(request, size))
            raise FaultError(fault)
        mails = self._read(request, size)
        if fault is None:
            fault = Statuses(["SUCCESS"])
        statuses = fault.each if len(fault.each) != 1 else list(fault.each) * len(mails)
        self._keep(now, [mail for mail, status in zip(mails, statuses, strict=False) if status == "SUCCESS"])
        if operation == SEND:
            return {"MessageId": mails[0].message_id}
        return {"BulkEmailEntryResults": [_result(mails, n, status, fault.error) for n, status in enumerate(statuses)]}

    def _keep(self, begun: int, mails: Sequence[Taken]) -> None:
        with self._lock:
            for mail in mails if begun == self._round else ():
                if "\x00" in mail.subject + mail.html + mail.text:
                    self.unrendered.append(mail.recipient)
                else:
                    self.taken.append(mail)

    def _account(self) -> dict[str, Any]:
        quota = {
            "Max24HourSend": self.max_24_hours,
            "MaxSendRate": self.max_rate,
            "SentLast24Hours": float(len(self.taken)),
        }
        return {
            "EnforcementStatus": self.enforcement,
            "ProductionAccessEnabled": True,
            "SendingEnabled": self.sending_enabled,
            "SendQuota": quota,
        }

    def _read(self, request: Request, size: int) -> list[Taken]:
        """The mails of a call. Raises FaultError where SES would refuse."""
        if not self.sending_enabled:
            raise _refusal("Email sending is disabled for this account.", "SendingPausedException")
        if len(self.taken) + len(request.recipients) > self.max_24_hours:
            raise _refusal("Daily message quota exceeded.", "LimitExceededException")
        bad = [address for address in request.recipients if not _ADDRESS.fullmatch(address)]
        if bad:
            raise _refusal("Illegal address")
        read = _raw if request.operation == SEND else _bulk
        return read(request.body, request.recipients, size)


def _refusal(message: str, code: str = "BadRequestException", status: int = 400) -> FaultError:
    return FaultError(Refusal(status, code, message))


def _raw(body: dict[str, Any], recipients: list[str], _size: int) -> list[Taken]:
    whole = b64decode(body["Content"]["Raw"]["Data"])
    [to] = body["Destination"]["ToAddresses"]
    sender, named = body.get("FromEmailAddress", ""), body.get("ConfigurationSetName", "")
    return [Taken(_id(), sender, to, recipients[0], whole, "", "", "", {}, _tags(body.get("EmailTags", [])), named, ())]


def _bulk(body: dict[str, Any], recipients: list[str], size: int) -> list[Taken]:
    template = body["DefaultContent"]["Template"]
    content, entries = template["TemplateContent"], body["BulkEmailEntries"]
    if not 1 <= len(entries) <= 50 or size > MOST_BYTES:
        raise _refusal("Too many or too much.")
    if not isinstance(json.loads(template.get("TemplateData", "null")), dict):
        raise _refusal("The template data is invalid")
    for text in content.values():
        if "{{" in _KEY.sub("", text):
            raise _refusal("Template contains unsupported operations")
    shared = _headers(template.get("Headers", []))
    defaults = json.loads(template["TemplateData"])
    taken = []
    for entry, recipient in zip(entries, recipients, strict=True):
        data = entry.get("ReplacementEmailContent", {}).get("ReplacementTemplate", {}).get("ReplacementTemplateData")
        values = json.loads(data or "{}") or defaults  # one or the other, as a whole
        headers = shared | _headers(entry.get("ReplacementHeaders", []))
        if len(headers) > 15:
            raise _refusal("Too many headers")
        subject, html, text = (rendered(content.get(part, ""), values) for part in ("Subject", "Html", "Text"))
        [to] = entry["Destination"]["ToAddresses"]
        taken.append(
            Taken(
                _id(), body["FromEmailAddress"], to, recipient, b"", subject, html, text, headers,
                _tags(entry.get("ReplacementTags", [])), body.get("ConfigurationSetName", ""),
                tuple(body.get("ReplyToAddresses", ())),
            )
        )  # fmt: skip
    return taken


def rendered(template: str, values: Mapping[str, Any], escape: Callable[[str], str] = str) -> str:
    """Simple substitution, as SES does it for a template that comes with the call; NUL where a value is missing."""
    return _KEY.sub(lambda match: escape(str(values.get(match[1], "\x00"))), template)


def _destinations(operation: str, body: dict[str, Any]) -> list[str]:
    if operation == SEND:
        return list(body["Destination"]["ToAddresses"])
    return [entry["Destination"]["ToAddresses"][0] for entry in body.get("BulkEmailEntries", [])]


def _bare(to: str) -> str:
    return to.rpartition("<")[2].removesuffix(">")


def _tags(tags: list[dict[str, str]]) -> dict[str, str]:
    if not all(_TAG.fullmatch(tag["Name"]) and _TAG.fullmatch(tag["Value"]) for tag in tags):
        raise _refusal("Invalid tag")
    return {tag["Name"]: tag["Value"] for tag in tags}


def _headers(headers: list[dict[str, str]]) -> dict[str, str]:
    for header in headers:
        name, value = header["Name"], header["Value"]
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or len(name) + len(value) > 996:
            raise _refusal(f"Invalid header {name}")
        if name.lower() in _RULED_OUT:
            raise _refusal(f"Header {name} is not allowed")
    return {header["Name"]: header["Value"] for header in headers}


_numbers = iter(range(1, 10**9))


def _id() -> str:
    return f"0100-{next(_numbers):08}"


def _result(mails: Sequence[Taken], number: int, status: str, error: str) -> dict[str, str]:
    if status == "SUCCESS" and number < len(mails):
        return {"Status": status, "MessageId": mails[number].message_id}
    return {"Status": status, "Error": error}


class _Handler(BaseHTTPRequestHandler):
    ses: FakeSes
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for an answer

    def do_GET(self) -> None:
        self._serve("GET", {}, 0)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self._serve("POST", json.loads(content), len(content))

    def _serve(self, method: str, body: dict[str, Any], size: int) -> None:
        operation = _PATHS.get((method, self.path))
        try:
            if operation is None:
                raise _refusal(f"no such operation: {self.path}", "NotFoundException", 404)
            self._say(200, "", json.dumps(self.ses.handle(operation, body, size)).encode())
        except FaultError as error:
            match error.fault:
                case Refusal(status, code, message):
                    self._say(status, code, json.dumps({"message": message}).encode())
                case Garbled(content):
                    self._say(200, "", content)
                case Dropped():
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)

    def _say(self, status: int, code: str, content: bytes) -> None:
        self.send_response(status)
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def main() -> None:
    """Serve until standard input ends, and say at each of its lines what came."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with FakeSes(max_24_hours=1e12, quiet_calls=True) as ses:
        print(ses.url, flush=True)
        for _ in sys.stdin:
            print(json.dumps({"mails": len(ses.taken), "calls": dict(ses.calls)}), flush=True)
            ses.taken.clear()


if __name__ == "__main__":
    main()
