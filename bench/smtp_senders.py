"""Senders in Python, each in a process that times itself: ``python -m bench.smtp_senders WHO URL SIZE COUNT``.

The result is one line of JSON: ``seconds`` from the first connection to the last answer, ``cpu`` seconds in them.
"""

import asyncio
import json
import resource
import smtplib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from urllib.parse import parse_qs, urlsplit

from chalicelib.transports import Fate, Mail
from chalicelib.transports.smtp import SmtpTransport
from chalicelib.transports.smtp_url import SmtpSettings

SENDER = "news@example.org"
WAVE, WORKERS = 50, 16
_LINE = b"A line of seventy-odd characters, as quoted-printable makes them, over and over" + b"\r\n"
_HEAD = b"From: <news@example.org>\r\nTo: <reader@example.org>\r\nSubject: bench\r\n\r\n"


def content(size: int) -> bytes:
    """A message of about that many bytes."""
    return _HEAD + _LINE * ((size - len(_HEAD)) // len(_LINE))


async def sendbrief(url: str, mails: list[Mail]) -> None:
    """Our transport alone: waves as workers hand them over, several at once."""
    transport = SmtpTransport(SmtpSettings.parse(url))
    waves = iter([mails[at : at + WAVE] for at in range(0, len(mails), WAVE)])

    async def work() -> None:
        for wave in waves:
            if any(outcome.fate is not Fate.SENT for outcome in await transport.send_wave(wave)):
                raise RuntimeError("the sink refused a mail")

    async with asyncio.TaskGroup() as workers:
        for _ in range(WORKERS):
            workers.create_task(work())
    await transport.aclose()


def threads(url: str, mails: list[Mail], send: Callable[[smtplib.SMTP, Mail], object]) -> None:
    """smtplib, one connection a thread."""
    parts = urlsplit(url)
    waiting = iter(mails)
    lock = threading.Lock()

    def take() -> Iterator[Mail]:
        while True:
            with lock:
                mail = next(waiting, None)
            if mail is None:
                return
            yield mail

    def work() -> None:
        with smtplib.SMTP(parts.hostname or "", parts.port or 0) as server:
            for mail in take():
                send(server, mail)

    crew = [threading.Thread(target=work) for _ in range(int(parse_qs(parts.query)["connections"][0]))]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()


def rendered(server: smtplib.SMTP, mail: Mail) -> None:
    """The bytes as they are."""
    server.sendmail(mail.sender, [mail.recipient], mail.content)


def naive(server: smtplib.SMTP, mail: Mail) -> None:
    """A message built for each recipient, as the library's examples do."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail.sender, mail.recipient, "bench"
    message.set_content(mail.content.partition(b"\r\n\r\n")[2].decode("ascii").replace("\r\n", "\n"))
    server.send_message(message)


WHO: dict[str, Callable[[str, list[Mail]], object]] = {
    "sendbrief": lambda url, mails: asyncio.run(sendbrief(url, mails)),
    "rendered": lambda url, mails: threads(url, mails, rendered),
    "naive": lambda url, mails: threads(url, mails, naive),
}


def main() -> None:
    """Send, and say how long it took."""
    who, url, size, count = sys.argv[1:]
    letter = content(int(size))
    mails = [Mail(SENDER, f"reader{n}@example.org", letter, clean=True) for n in range(int(count))]
    before, begun = _cpu(), time.perf_counter()
    WHO[who](url, mails)
    print(json.dumps({"seconds": time.perf_counter() - begun, "cpu": _cpu() - before}))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
