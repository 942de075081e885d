"""What was heard of one mail, whoever told it: an event of SES, a returned mail, a complaint."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.deliver.ledger import News

GOOD = frozenset({News.SENT, News.DELIVERED})
"""News that says nothing but that all is well: no words are kept of it."""
MAX_EXCERPT = 1024
"""Characters kept of what was said."""
SHORTEST_NAME = 3
"""Characters of a local part that is taken out of words by itself: shorter ones stand in any of them."""
KEPT = timedelta(days=90)
"""For how long what was said of a bounce or a complaint is kept; so long, too, a repeated one is known again."""
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']{1,64}@[^\s<>()\[\],;:\"'@]{1,255}")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Signer(Protocol):
    """Signs the references in our mails (audience/tokens.py, ``MailTokens``)."""

    def sign(self, text: str) -> str:
        """Ten characters that only we can make of ``text``."""
        ...

    def valid(self, text: str, signature: str) -> bool:
        """Whether ``signature`` was made of ``text`` by one of our keys."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """One piece of news of one mail: of an edition's (``edition``, ``chunk``, ``position``) or a notice's (``sid``).

    ``at`` is aware, UTC: when it happened, as the teller says. ``reason`` and ``excerpt`` name nobody. ``raw_id`` is
    the same whenever the same event is told again. ``permanent`` says of a bounce that the mailbox is gone, not only
    this mail; ``unwanted`` of any mail that the reader complained, perhaps of an earlier one; ``of_mailbox`` is False
    where the provider dropped a mail that never came near it. ``source`` is who told: ``ses``, ``dsn``, ``arf``.
    """

    kind: News
    at: datetime
    raw_id: str
    edition: str = ""
    chunk: int = -1
    position: int = -1
    sid: str = ""
    reason: str = ""
    permanent: bool = False
    unwanted: bool = False
    of_mailbox: bool = True
    excerpt: str = ""
    source: str = ""


def heard_prefix(chunk: int, position: int) -> str:
    """How the sort keys begin of all that was heard of one mail of an edition."""
    return f"HEARD#{chunk:06d}#{position}#"


def nameless(words: str, addresses: Iterable[str] = (), most: int = MAX_EXCERPT) -> str:
    """Somebody's words on one line with nobody named: neither the recipient, by address or local part, nor others."""
    text = _UNSEEN.sub(" ", words[: 8 * most])
    for address in addresses:
        local = address.rpartition("@")[0]
        for name in (address, local if len(local) >= SHORTEST_NAME else ""):
            if name:
                text = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", "the recipient", text, flags=re.IGNORECASE)
    return " ".join(_ADDRESS.sub("an address", text).split())[:most].strip()
