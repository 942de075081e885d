"""Words: subjects, preheaders, and what spam filters count against a newsletter of their own accord. Pure.

The rules are those of SpamAssassin 4 that depend on the text alone, such as SUBJ_ALL_CAPS, HTML_IMAGE_RATIO and
HTML_FONT_TINY; the phrases are the common ones of its English and German bodies. Points are ours: a plain newsletter
stays far below, and no single word is enough.
"""

import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from chalicelib.lint.document import Document, Element
from chalicelib.lint.findings import ERROR, WARNING, Finding, shown

LONG_SUBJECT = 70
"""Characters: about what a desktop's list of mails shows; phones show half of it."""
SHORT_PREHEADER = 20
SPAM_POINTS = 3.0
PHRASES: tuple[tuple[str, float], ...] = (
    (r"click (?:here|below)", 1.0), (r"klicken sie (?:hier|unten)|hier klicken", 1.0),
    (r"act now|jetzt zugreifen", 1.5),
    (r"limited[- ]time|nur (?:noch )?(?:heute|kurze zeit)", 1.0), (r"100 ?% (?:free|gratis|kostenlos)", 1.5),
    (r"risk[- ]free|ohne risiko", 1.5), (r"earn money|geld verdienen", 2.0), (r"extra cash|bargeld", 1.5),
    (r"make \$\d|cash bonus", 2.0), (r"you(?:'|’)?ve won|sie haben gewonnen|congratulations! you", 2.0),
    (r"no obligation|unverbindlich testen", 1.0), (r"order now|buy now|jetzt (?:kaufen|bestellen)", 1.0),
    (r"lowest price|bester preis|best price", 1.0), (r"urgent(?:ly)? (?:reply|response)|dringende antwort", 1.5),
    (r"dear (?:friend|winner)|lieber gewinner", 1.5), (r"this is not spam|dies ist kein spam", 2.0),
    (r"viagra|cialis|casino|weight loss|abnehmen ohne", 2.0), (r"double your|verdoppeln sie", 1.5),
    (r"guaranteed (?:income|results)|garantiert(?:es einkommen|er gewinn)", 1.5),
)  # fmt: skip
"""What is said and how many points it makes, once each; as of November 2026."""
_PHRASES = tuple((re.compile(rf"(?i)(?<!\w)(?:{pattern})(?!\w)"), points) for pattern, points in PHRASES)
_SHORTENERS = frozenset({
    "bit.ly", "t.co", "goo.gl", "tinyurl.com", "ow.ly", "is.gd", "buff.ly", "t1p.de", "rebrand.ly", "cutt.ly",
    "lnkd.in", "rb.gy", "shorturl.at", "tiny.cc", "kurzelinks.de",
})  # fmt: skip
_EMOJI = re.compile(
    "[\u2600-\u27bf\U0001f300-\U0001faff][\ufe0f\u200d]?(?:\\s?[\u2600-\u27bf\U0001f300-\U0001faff][\ufe0f\u200d]?){2}"
)
_REPLY = re.compile(r"(?i)\A\s*(?:re|fwd?|aw|wg)\s?:")
_TINY = re.compile(r"(?i)(?<![\w-])font-size\s*:\s*(0|0?\.\d+|[012](?:\.\d+)?)(?:px|pt|em|rem)?\s*(?:!|;|\Z)")
_COLOUR = re.compile(r"(?i)(?<![\w-])(background-color|background|color)\s*:\s*(#[0-9a-f]{3,8}|[a-z]+)\s*(?:!|;|\Z)")


def subject_findings(subject: str, before: str = "", *, most: int = LONG_SUBJECT) -> Iterator[Finding]:
    """What is wrong with a subject, personal fields filled; ``before`` is that of the edition before.

    ``most`` characters are not too many: those that templates make of a title can't be made shorter by anybody.
    """
    if not subject.strip():
        yield Finding("subject", ERROR, "the mail has no subject; give the edition one")
        return
    if len(subject) > most:
        words = (
            f"the subject has {len(subject)} characters, and most lists show {LONG_SUBJECT} at most: {shown(subject)}"
        )
        yield Finding("subject", WARNING, words, subject)
    if is_shouted(subject):
        yield Finding("subject", WARNING, f"the subject is all in capitals: {shown(subject)}", subject)
    if re.search(r"[!?]\s?[!?]", subject):
        yield Finding("subject", WARNING, f"the subject has several marks in a row: {shown(subject)}", subject)
    if _REPLY.match(subject):
        yield Finding("subject", WARNING, f"the subject pretends to be an answer: {shown(subject)}", subject)
    if _EMOJI.search(subject):
        yield Finding("subject", WARNING, f"the subject has a row of emoji: {shown(subject)}", subject)
    if before and subject.casefold() == before.casefold():
        yield Finding("subject", WARNING, f"the subject is that of the edition before: {shown(subject)}", subject)


def preheader_findings(preheader: str, subject: str, least: int = SHORT_PREHEADER) -> Iterator[Finding]:
    """What is wrong with the line that lists of mails show beside the subject.

    Fewer than ``least`` characters are too few: one that is made of titles is as long as they are.
    """
    text = " ".join(preheader.split())
    if not text:
        words = "there is no preheader, so lists of mails show whatever stands first; begin the note with a sentence"
        yield Finding("preheader", WARNING, words)
    elif text.casefold() == subject.strip().casefold():
        yield Finding("preheader", WARNING, f"the preheader only repeats the subject: {shown(text)}", text)
    elif len(text) < least:
        words = f"the preheader has {len(text)} characters, too few to say anything: {shown(text)}"
        yield Finding("preheader", WARNING, words, text)


def is_shouted(text: str) -> bool:
    """All in capitals: two words or more of which none is in small letters."""
    letters = [letter for letter in text if letter.isalpha() and letter.upper() != letter.lower()]
    words = [word for word in re.findall(r"[^\W\d_]+", text) if len(word) > 2]
    return len(words) >= 2 and len(letters) > 8 and all(letter.isupper() for letter in letters)


def spam_findings(document: Document, subject: str = "") -> Iterator[Finding]:
    """One warning where a mail has points enough, naming each reason with its points; addresses by themselves."""
    reasons = [*_phrases(f"{subject}\n{document.text}"), *_shape(document)]
    points = sum(points for _, points in reasons)
    if points >= SPAM_POINTS:
        named = ", ".join(f"{reason} ({points:g})" for reason, points in reasons)
        yield Finding("spam", WARNING, f"spam filters may count {points:g} points, {SPAM_POINTS:g} are many: {named}")
    for link in document.links:
        yield from _address(link.attrs["href"])
    for element in document.elements:
        yield from _hidden(element)


def _phrases(text: str) -> Iterator[tuple[str, float]]:
    for pattern, points in _PHRASES:
        if match := pattern.search(text):
            yield f"'{shown(match[0])}'", points


def _shape(document: Document) -> Iterator[tuple[str, float]]:
    letters = [letter for letter in document.text if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    if len(letters) > 200 and capitals > len(letters) * 0.3:
        yield f"{100 * capitals // len(letters)} % capitals", 1.5
    if (marks := document.text.count("!")) > 10 and marks > len(letters) / 200:
        yield f"{marks} exclamation marks", 1.0
    pictures = len([image for image in document.of("img") if image.attrs.get("width", "") not in {"0", "1"}])
    words = len(document.text.split())
    if pictures and words < 40 * pictures and words < 200:
        yield f"{pictures} pictures with {words} words", 1.5


def _address(href: str) -> Iterator[Finding]:
    try:
        host = (urlsplit(href.strip()).hostname or "").removeprefix("www.")
    except ValueError:
        return
    if host in _SHORTENERS:
        yield Finding("spam", WARNING, f"spam filters mistrust shortened addresses: {shown(href)}; link the page", href)
        return
    try:
        public = ipaddress.ip_address(host).is_global
    except ValueError:
        return
    if public:
        words = f"spam filters mistrust addresses without a name: {shown(href)}; link the host by its name"
        yield Finding("spam", WARNING, words, href)


def _hidden(element: Element) -> Iterator[Finding]:
    """Text that is there for filters and not for readers; a preheader (display:none) is none."""
    style = element.attrs.get("style", "")
    text = " ".join("".join(element.text).split())
    if len(text) < 10 or not style or re.search(r"(?i)display\s*:\s*none|mso-hide", style):
        return
    colours = {
        ("background" if name.lower().startswith("background") else "color"): value.lower()
        for name, value in _COLOUR.findall(style)
    }
    same = "color" in colours and colours["color"] == colours.get("background")
    if _TINY.search(style) or same:
        how = "its colour" if same else "its size"
        yield Finding("spam", WARNING, f"text is hidden by {how}, as spam does: {shown(text)}", text)
