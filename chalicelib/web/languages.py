"""Which of the site's languages a page is shown in: the reader's choice, else what the browser asks for."""

from collections.abc import Sequence

MAX_HEADER = 400
"""Characters of Accept-Language that are looked at: browsers send some tens."""


def choose_language(offered: Sequence[str], wanted: str, accept_language: str) -> str:
    """One of ``offered`` (the first is the fallback): ``wanted`` if it is one, else by Accept-Language."""
    ranges = [wanted[:MAX_HEADER], *_by_weight(accept_language[:MAX_HEADER])]
    for tag in ranges:
        if found := _match(offered, tag):
            return found
    return offered[0]


def _match(offered: Sequence[str], tag: str) -> str:
    """RFC 4647 look-up: the tag itself, then its primary subtag."""
    by_tag = {language.lower(): language for language in offered}
    wanted = tag.strip().lower()
    return by_tag.get(wanted) or by_tag.get(wanted.split("-")[0], "")


def _by_weight(header: str) -> list[str]:
    """Language ranges, the most wanted first (RFC 9110, 12.5.4); what can't be read is left out."""
    ranges: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, parameter = part.partition(";")
        weight = _weight(parameter)
        if weight > 0:
            ranges.append((weight, tag))
    return [tag for _, tag in sorted(ranges, key=lambda pair: -pair[0])]


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    digits = value.strip()
    if len(digits) > 5 or not digits.isascii() or not digits.replace(".", "", 1).isdigit():
        return 0.0
    return float(digits)
