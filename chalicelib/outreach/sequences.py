"""Sequences as editors write them: content/outreach/<name>/sequence.yaml and the mails beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path

from chalicelib.content.fields import Fields
from chalicelib.content.frontmatter import read_markdown, read_text
from chalicelib.content.moments import parse_time
from chalicelib.content.problems import Problems, did_you_mean
from chalicelib.content.values import Localized, Site
from chalicelib.content.yamldoc import parse_yaml

BASES = ("consent", "contract", "legitimate-interest")
STOPS = ("reply", "unsubscribe", "bounce", "complaint")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_BEGINNINGS = ("confirmed",)


@dataclass(frozen=True, slots=True)
class Step:
    """One mail of a sequence. ``after`` counts from the step before; ``body`` is Markdown."""

    mail: str
    after: timedelta
    subject: Localized
    body: str


@dataclass(frozen=True, slots=True)
class SendWindow:
    """When a step may go out, in the site's zone; a step due outside waits for the next opening."""

    days: tuple[str, ...]
    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Sequence:
    """Mails that follow an event: members of ``newsletter`` once they are confirmed, or a list of contacts."""

    name: str
    title: Localized
    legal_basis: str
    newsletter: str = ""
    contacts: str = ""
    stop_on: tuple[str, ...] = STOPS
    window: SendWindow | None = None
    steps: tuple[Step, ...] = ()


def read_sequences(site: Site, problems: Problems) -> dict[str, Sequence]:
    """All sequences of a site by name; a broken one is reported and left out."""
    sequences = {}
    for path in sorted((site.root / "content" / "outreach").glob("*/sequence.y*ml")):
        file = path.relative_to(site.root).as_posix()
        found = Problems()
        text = read_text(path, file, found)
        node = parse_yaml(text, file, found) if text is not None else None
        if node is not None:
            sequence = _sequence(path, Fields(node, file, found), site)
            if not found.errors:
                sequences[sequence.name] = sequence
        problems.extend(found.sorted())
    return sequences


def _sequence(path: Path, fields: Fields, site: Site) -> Sequence:
    newsletter, contacts = _audience(fields, site)
    sequence = Sequence(
        name=path.parent.name,
        title=fields.localized("title", required=True, languages=site.languages),
        legal_basis=_legal_basis(fields),
        newsletter=newsletter,
        contacts=contacts,
        stop_on=_words(fields, "stop_on", STOPS) or STOPS,
        window=_window(fields),
        steps=tuple(_step(step, path.parent, site) for step in fields.each("steps")),
    )
    if not sequence.steps:
        fields.wrong("steps", "a sequence needs at least one step, like {mail: 1-hello.md, after: 0d}", "missing-key")
    fields.finish()
    return sequence


def _legal_basis(fields: Fields) -> str:
    """Nobody is written to without a ground on record (Art. 6 GDPR)."""
    fields.node("legal_basis", required=True)
    return fields.choice("legal_basis", BASES, BASES[0])


def _audience(fields: Fields, site: Site) -> tuple[str, str]:
    sub = fields.sub("audience", required=True)
    if sub is None:
        return "", ""
    newsletter, contacts = sub.text("newsletter"), sub.text("contacts")
    if bool(newsletter) == bool(contacts):
        fields.wrong("audience", "needs either a newsletter or contacts")
    if newsletter and newsletter not in site.newsletters:
        sub.wrong("newsletter", f"no newsletter '{newsletter}'; {did_you_mean(newsletter, site.newsletters)}")
    if newsletter:
        sub.choice("on", _BEGINNINGS, _BEGINNINGS[0])
    sub.finish()
    return newsletter, contacts


def _words(fields: Fields, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
    words = fields.texts(key)
    for word in words:
        if word not in known:
            fields.wrong(key, f"'{word}' is not known; {did_you_mean(word, known)}", "unknown-value")
    return words


def _window(fields: Fields) -> SendWindow | None:
    sub = fields.sub("send_window")
    if sub is None:
        return None
    window = SendWindow(
        days=_words(sub, "days", DAYS) or DAYS,
        opens=sub.parsed("from", parse_time, time(0, 0)),
        closes=sub.parsed("to", parse_time, time(23, 59)),
    )
    if window.closes <= window.opens:
        sub.wrong("to", "a window closes after it opens")
    sub.finish()
    return window


def _step(fields: Fields, folder: Path, site: Site) -> Step:
    name = fields.text("mail", required=True)
    after = fields.span("after") or timedelta(0)
    fields.finish()
    subject: Mapping[str, str] = {}
    body = ""
    path = folder / name
    if name and not path.is_file():
        fields.wrong("mail", f"there is no {path.relative_to(site.root)}; write it or mend the name", "missing-mail")
    elif name:
        markdown = read_markdown(path, path.relative_to(site.root).as_posix(), fields.problems)
        if markdown:
            subject = markdown.fields.localized("subject", required=True, languages=site.languages)
            markdown.fields.finish()
            body = markdown.body
    return Step(name, after, subject, body)
