"""Reading ``pace``, ``quiet`` and ``brake`` of site.yaml."""

import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction

from chalicelib.content.fields import Fields
from chalicelib.content.moments import parse_time
from chalicelib.content.sending import USUAL_SHARE, Brake, DomainCap, Pace, Quiet, Sending, WarmUp

MOST_A_SECOND = 100_000
MOST_A_DAY = 1_000_000_000
LEAST_A_SECOND = Fraction(1, 100)
MAX_DOMAIN = 253
_NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,4})?")
_DOMAIN = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63}){0,30}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_sending(fields: Fields) -> Sending:
    """What a site says of its sending; what it leaves out is as usual."""
    return Sending(_pace(fields), _quiet(fields), _brake(fields))


def _pace(fields: Fields) -> Pace:
    sub = fields.sub("pace")
    if sub is None:
        return Pace()
    pace = Pace(
        per_second=sub.parsed("per_second", _per_second, None),
        per_day=sub.parsed("per_day", _whole(MOST_A_DAY), None),
        share=sub.parsed("share", _share, USUAL_SHARE),
        caps=_caps(sub),
        warm_up=_warm_up(sub),
    )
    sub.finish()
    return pace


def _caps(fields: Fields) -> dict[str, DomainCap]:
    sub = fields.sub("domains")
    caps: dict[str, DomainCap] = {}
    for names in sub.keys() if sub else ():
        inner = sub.sub(names) if sub else None
        if sub is None or inner is None:
            continue
        domains = tuple(_domain(sub, names, name.strip()) for name in names.split(","))
        cap = DomainCap(
            domains,
            per_second=inner.parsed("per_second", _whole(MOST_A_SECOND), None),
            per_hour=inner.parsed("per_hour", _whole(MOST_A_DAY), None),
        )
        inner.finish()
        if cap.per_second is None and cap.per_hour is None:
            sub.wrong(names, "say per_second, per_hour or both", "missing-key")
        for domain in domains:
            if domain in caps:
                sub.wrong(names, f"'{domain}' stands twice; name it once")
            caps[domain] = cap
    return caps


def _domain(fields: Fields, key: str, text: str) -> str:
    """A domain in lower case and ASCII; what is none is reported and kept, for nothing is sent there."""
    name = text.lower()
    if not name.isascii():
        name = _ascii(name)
    if len(name) > MAX_DOMAIN or not _DOMAIN.fullmatch(name):
        fields.wrong(key, f"'{text[:80]}' is no domain; write it like gmail.com, several with commas")
    return name


def _ascii(name: str) -> str:
    """A domain in another alphabet, encoded; '' where it can't be."""
    import idna  # only where there is one

    try:
        return idna.encode(name[:MAX_DOMAIN], uts46=True).decode()
    except idna.IDNAError:
        return ""


def _warm_up(fields: Fields) -> WarmUp | None:
    sub = fields.sub("warm_up")
    if sub is None:
        return None
    start = sub.parsed("from", _date, None, required=True)
    first = sub.parsed("first", _whole(MOST_A_DAY), 500)
    grow = sub.parsed("grow", _grow, Fraction(2))
    sub.finish()
    return WarmUp(start, first, grow) if start else None


def _quiet(fields: Fields) -> Quiet | None:
    sub = fields.sub("quiet")
    if sub is None:
        return None
    start = sub.parsed("from", parse_time, None, required=True)
    to = sub.parsed("to", parse_time, None, required=True)
    if start is not None and start == to:
        sub.wrong("to", "it is the same as 'from': nothing would ever go out, or nothing be quiet")
    sub.finish()
    return Quiet(start, to) if start is not None and to is not None else None


def _brake(fields: Fields) -> Brake:
    sub = fields.sub("brake")
    if sub is None:
        return Brake()
    usual = Brake()
    brake = Brake(sub.parsed("bounces", _limit, usual.bounces), sub.parsed("complaints", _limit, usual.complaints))
    sub.finish()
    return brake


def _limit(text: str) -> Fraction:
    percent = _decimal(text.removesuffix("%").rstrip()) if text.endswith("%") else None
    if percent is None or not 0 < percent <= 100:
        raise ValueError(f"'{text[:20]}' is no rate from 0.0001% to 100%")
    return percent / 100


def _whole(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,10}", text) or not 1 <= int(text) <= most:
            raise ValueError(f"'{text[:20]}' is no whole number from 1 to {most}")
        return int(text)

    return read


def _decimal(text: str) -> Fraction | None:
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def _per_second(text: str) -> float:
    rate = _decimal(text)
    if rate is None or not LEAST_A_SECOND <= rate <= MOST_A_SECOND:
        raise ValueError(f"'{text[:20]}' is no number from 0.01 to {MOST_A_SECOND}")
    return float(rate)


def _share(text: str) -> Fraction:
    percent = _decimal(text.removesuffix("%").rstrip()) if text.endswith("%") else None
    if percent is None or not 1 <= percent <= 100:
        raise ValueError(f"'{text[:20]}' is no share from 1% to 100%")
    return percent / 100


def _grow(text: str) -> Fraction:
    grow = _decimal(text)
    if grow is None or not 1 < grow <= 10:
        raise ValueError(f"'{text[:20]}' is no number above 1, up to 10; 2 doubles the mails with each day")
    return grow


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise ValueError(f"'{text[:20]}' is no date; write it like 2026-12-01") from None
