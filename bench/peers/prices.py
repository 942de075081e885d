"""What others take a month, as it was published; where a price could not be read again, it says so."""

from dataclasses import dataclass

WEEKS = 4.35
SIZES = (1_000, 10_000, 100_000)
UNREAD = "not read again: as remembered of 2025"


@dataclass(frozen=True)
class Hosted:
    """Dollars a month for 1,000, 10,000 and 100,000 subscribers; None where none is published."""

    name: str
    dollars: tuple[float | None, float | None, float | None]
    source: str
    read: str


@dataclass(frozen=True)
class Server:
    """What runs on a server of one's own and sends by SES: dollars a month for it, and once for a licence."""

    name: str
    server: float
    licence: float
    source: str
    read: str


SMALLEST = "DigitalOcean's smallest server, $4 (digitalocean.com/pricing, read 2026-09-20)"
SERVERS = (
    Server("listmonk", 4.0, 0.0, SMALLEST, "2026-09-20"),
    Server("Sendy", 4.0, 69.0, f"{SMALLEST}; licence $69 once (sendy.co)", f"licence {UNREAD}"),
)
HOSTED = (
    Hosted("Buttondown", (9.0, 79.0, None), "buttondown.com/pricing", UNREAD),
    Hosted("Mailchimp Standard", (45.0, 135.0, 800.0), "mailchimp.com/pricing", UNREAD),
)
