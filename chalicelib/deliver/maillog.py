"""A mail server's log as evidence of what became of mails, by their Message-IDs: Postfix and Exim. Pure."""

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.deliver.ledger import News

MOST_LINE = 4000
"""Characters of a line that are looked at; what stands behind is a server's speech."""
_POSTFIX = re.compile(r"\]: ([0-9A-Za-z]{5,30}): ")
_MESSAGE_ID = re.compile(r"message-id=<?([^<>\s,]{3,400})")
_STATUS = re.compile(r"status=(sent|bounced|deferred|expired|undeliverable)\b")
_RELAY = re.compile(r"relay=([^,\s]{1,300})")
_EXIM = re.compile(r"(?:^|\s)([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) (<=|=>|->|\*\*|==|Completed) ?")
_EXIM_ID = re.compile(r" id=([^\s]{3,400})")
_FILTER = re.compile(r"(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])\S{0,60}:(\d{1,5})$")
Mark = TypeVar("Mark", bound=Hashable)
_RANK = {News.SENT: 1, News.DELIVERED: 2, News.BOUNCED: 3}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a log says of one mail. SENT: the server took it and has not given it up."""

    news: News
    words: str = ""


class LogReader(Generic[Mark]):
    """Reads lines in the order of time; ``found`` grows.

    ``whose`` gives what a Message-ID, without its brackets, stands for, such as a chunk and a position; None for
    others'.
    """

    def __init__(self, whose: Callable[[str], Mark | None]) -> None:
        self._whose = whose
        self._queued: dict[str, Mark] = {}
        self.found: dict[Mark, Evidence] = {}

    def read(self, lines: Iterable[str]) -> None:
        """Take in more of the log."""
        for line in lines:
            line = line[:MOST_LINE].rstrip()
            if match := _POSTFIX.search(line):
                self._postfix(match[1], line[match.end() :])
            elif match := _EXIM.search(line):
                self._exim(match[1], match[2], line[match.end() :])

    def _postfix(self, queue: str, rest: str) -> None:
        """That cleanup has seen the Message-ID is no evidence: the mail may have been cut off after its header."""
        if match := _MESSAGE_ID.match(rest):
            self._arrived(queue, match[1])
            return
        about = self._queued.get(queue)
        if about is None:
            return
        if rest == "removed":
            del self._queued[queue]  # queue ids come again
        elif status := _STATUS.search(rest):
            self._say(about, *_judged(status[1], rest[status.end() :].strip(" ()"), _RELAY.search(rest)))
        elif "queue active" in rest:
            self._say(about, News.SENT, "")

    def _exim(self, queue: str, sign: str, rest: str) -> None:
        if sign == "<=":
            match = _EXIM_ID.search(rest)
            if match and (place := self._arrived(queue, match[1])):
                self._say(place, News.SENT, "")
        elif (about := self._queued.get(queue)) is not None:
            if sign in {"=>", "->"}:
                self._say(about, News.DELIVERED, "")
            elif sign == "**":
                self._say(about, News.BOUNCED, rest.partition(": ")[2])
            elif sign == "Completed":
                del self._queued[queue]

    def _arrived(self, queue: str, message_id: str) -> Mark | None:
        """Queue ids come again, so one that belongs to another mail now is forgotten."""
        place = self._whose(message_id)
        self._queued.pop(queue, None)
        if place is not None:
            self._queued[queue] = place
        return place

    def _say(self, about: Mark, news: News, words: str) -> None:
        known = self.found.get(about)
        if known is None or _RANK[known.news] < _RANK[news]:
            self.found[about] = Evidence(news, words)


def _judged(status: str, words: str, relay: re.Match[str] | None) -> tuple[News, str]:
    """A mail handed to a filter on this machine is only on its way: it comes again under another queue id."""
    if status == "sent":
        through = _FILTER.search(relay[1]) if relay else None
        return (News.SENT if through and through[1] not in {"24", "25"} else News.DELIVERED), ""
    return (News.SENT, "") if status == "deferred" else (News.BOUNCED, words)


__all__ = ["Evidence", "LogReader"]
