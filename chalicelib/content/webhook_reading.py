"""Reading ``webhooks`` of site.yaml."""

from urllib.parse import urlsplit

from chalicelib.content.fields import Fields, web_address
from chalicelib.content.problems import did_you_mean
from chalicelib.content.webhooks import Happening, Webhook

MOST = 10
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_URL = 1000


def read_webhooks(fields: Fields) -> tuple[Webhook, ...]:
    """The webhooks of a site; one that is wrong is told and left out."""
    found = list[Webhook]()
    for sub in fields.each("webhooks"):
        url = sub.parsed("url", webhook_address, "", required=True)
        events = _events(sub)
        sub.finish()
        if any(url == other.url for other in found):
            sub.wrong("url", "stands twice; name each address once, with all its events")
        elif url and events:
            found.append(Webhook(url, events, sub.line))
    if len(found) > MOST:
        fields.wrong("webhooks", f"there are {len(found)}; {MOST} at most are told, so let one pass on to the others")
    return tuple(found[:MOST])


def webhook_address(text: str) -> str:
    """An address to be told at: https, or http on this machine. Raises ValueError."""
    parts = urlsplit(web_address(text))
    if parts.username or parts.password:
        raise ValueError("has a name or password in it; what is sent is signed, so leave it out")
    if parts.scheme != "https" and parts.hostname not in _THIS_MACHINE:
        raise ValueError("people's addresses are sent there; begin with https://")
    if len(text) > _MAX_URL or parts.fragment:
        raise ValueError(f"leave out what follows the #, and keep within {_MAX_URL} characters")
    return text


def _events(fields: Fields) -> frozenset[Happening]:
    """The events below ``events``; without any, all."""
    known = [str(kind) for kind in Happening]
    words = fields.texts("events", split=True)
    for word in words:
        if word not in known:
            fields.wrong("events", f"'{word}' is no event; {did_you_mean(word, known)}", "unknown-value")
    return frozenset(map(Happening, (word for word in words if word in known) if "events" in fields else known))
