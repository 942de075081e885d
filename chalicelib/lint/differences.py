"""Where MRML, which renders here, does otherwise than npm's mjml, which everybody's MJML was written for.

Found by rendering each attribute of each component with both (mjml-python 1.4.2, npm mjml 5.4.1) and comparing.
"""

import unicodedata

IGNORED: dict[str, frozenset[str]] = {
    "mj-accordion-title": frozenset({"font-weight"}),
    "mj-body": frozenset({"id"}),
    "mj-button": frozenset({"title"}),
    "mj-column": frozenset({"inner-border-radius"}),
    "mj-hero": frozenset({
        "border-radius", "inner-padding", "inner-padding-bottom", "inner-padding-left", "inner-padding-right",
        "inner-padding-top",
    }),
    "mj-image": frozenset({"border-bottom", "border-left", "border-right", "border-top", "sizes"}),
    "mj-section": frozenset({"gutter"}),
    "mj-social": frozenset({"border"}),
    "mj-social-element": frozenset({"border", "icon-position", "sizes", "srcset"}),
    "mj-style": frozenset({"inline"}),
    "mj-table": frozenset({"role"}),
    "mj-wrapper": frozenset({"gap"}),
}  # fmt: skip
"""Attributes that change nothing here."""
IGNORED_VALUES: dict[tuple[str, str], frozenset[str]] = {
    ("mj-hero", "mode"): frozenset({"fluid-height"}),
    ("mj-section", "full-width"): frozenset({"false"}),
    ("mj-wrapper", "full-width"): frozenset({"false"}),
    ("mj-carousel", "thumbnails"): frozenset({"supported"}),
}
"""Values that mean something else here than they say; without the attribute they are what is left."""
ONCE = frozenset({"mj-carousel"})
"""Components that have one name for all of their kind here, so that a second one works the first."""
WIDE = frozenset({"mj-section", "mj-wrapper", "mj-column", "mj-image", "mj-divider", "mj-carousel", "mj-hero"})
"""Components that count with their padding: Outlook gets the width as a number."""
ICONS = frozenset({
    "dribbble", "facebook", "github", "google", "instagram", "linkedin", "medium", "pinterest", "snapchat",
    "soundcloud", "tumblr", "twitter", "vimeo", "web", "x", "xing", "youtube",
})  # fmt: skip
"""Networks for which there is an icon."""


def mangled(value: str) -> str:
    """The first character of an attribute that MRML would write as Rust escapes it (``\\n``, ``\\u{a0}``), or ''."""
    return next((letter for letter in value if not _kept(letter)), "")


def _kept(letter: str) -> bool:
    if letter in '"\\':
        return False
    return letter == " " or (letter.isprintable() and unicodedata.category(letter) not in ("Mn", "Me"))


def sides(padding: str) -> tuple[str, str]:
    """The right and left part of a padding of one to four values."""
    parts = padding.split()
    if not 1 <= len(parts) <= 4:
        return "", ""
    return (parts[1] if len(parts) > 1 else parts[0]), (parts[3] if len(parts) == 4 else parts[min(1, len(parts) - 1)])


def uncounted(padding: str) -> bool:
    """Whether MRML would not count the sides of a padding, and make what is in it too wide for Outlook."""
    wide = [side for side in sides(padding) if side and (side[0] != "0" or side.startswith("0."))]
    return bool(wide) and ("0" in padding.split() or any(side.endswith("%") for side in wide))
