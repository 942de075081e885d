"""Reading ``privacy`` of site.yaml."""

import re
from collections.abc import Callable

from chalicelib.content.fields import Fields
from chalicelib.content.privacy import KEEP_LEFT_DAYS, KEEP_RECIPIENTS_DAYS, Privacy

MOST_DAYS = 3650
MAX_ADDRESS = 254
_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+")


def read_privacy(fields: Fields, languages: tuple[str, ...]) -> Privacy:
    """What a site says of privacy; what it leaves out is as usual."""
    sub = fields.sub("privacy")
    if sub is None:
        return Privacy()
    privacy = Privacy(
        controller=sub.localized("controller", languages=languages),
        contact=sub.parsed("contact", _address, ""),
        officer=sub.localized("officer", languages=languages),
        authority=sub.localized("authority", languages=languages),
        hosting=sub.localized("hosting", languages=languages),
        keep_left_days=sub.parsed("keep_left_days", _days(30), KEEP_LEFT_DAYS),
        keep_recipients_days=sub.parsed("keep_recipients_days", _days(1), KEEP_RECIPIENTS_DAYS),
    )
    sub.finish()
    return privacy


def _address(text: str) -> str:
    if len(text) > MAX_ADDRESS or not _ADDRESS.fullmatch(text):  # the pattern is quadratic
        raise ValueError(f"'{text}' is no mail address; write it like privacy@example.org")
    return text


def _days(least: int) -> Callable[[str], int]:
    """Reads a number of days; fewer than ``least`` would forget people before links in their mails end to work."""

    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,5}", text) or not least <= int(text) <= MOST_DAYS:
            raise ValueError(f"'{text[:20]}' is no number of days from {least} to {MOST_DAYS}")
        return int(text)

    return read
