"""Reading content/editions/<newsletter>/*.md: what editors wrote for a slot, in all languages or in one."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from chalicelib.content.arrangement import merge_sections, split_arrangement
from chalicelib.content.fields import Fields
from chalicelib.content.frontmatter import read_markdown
from chalicelib.content.problems import Problems, did_you_mean
from chalicelib.content.segment_reading import read_segment
from chalicelib.content.segments import UNREADABLE
from chalicelib.content.values import ANY_LANGUAGE, EditionNote, Localized, Newsletter, Site

_NOTE = re.compile(r"(?P<slot>2\d{3}-\d{2}-\d{2}[a-z0-9-]*)(?:\.(?P<language>[A-Za-z0-9-]+))?\Z", re.ASCII)


def read_notes(
    site: Site, newsletters: dict[str, Newsletter], problems: Problems
) -> dict[tuple[str, str], EditionNote]:
    """Edition notes by newsletter and slot; a broken one is reported and left out, but for its being for some only."""
    notes: dict[tuple[str, str], EditionNote] = {}
    for path, name in _note_files(site.root, newsletters, problems):
        file = path.relative_to(site.root).as_posix()
        match = _NOTE.match(path.stem)
        if not match or not _is_date(match["slot"][:10]):
            problems.error(file, 0, "bad-name", "name it by its slot, like 2026-11-26.md or 2026-11-26.de.md")
            continue
        note = _note(path, file, name, match["slot"], match["language"] or "", site, problems)
        if note is None and _may_name_a_segment(path):
            note = EditionNote(name, match["slot"], segment=UNREADABLE, file=file)
        if note:
            notes[name, match["slot"]] = _merge(notes.get((name, match["slot"])), note)
    return notes


def _note_files(root: Path, newsletters: dict[str, Newsletter], problems: Problems) -> Iterator[tuple[Path, str]]:
    folder = root / "content" / "editions"
    # the note for all languages before those of single ones: what it says wins
    for path in sorted(folder.glob("*/*.md"), key=lambda p: ("." in p.stem, p)) if folder.is_dir() else []:
        name = path.parent.name
        if name in newsletters or list((root / "content" / "newsletters").glob(f"{name}.y*ml")):
            yield path, path.parent.name
        else:
            message = f"no newsletter '{path.parent.name}'; {did_you_mean(path.parent.name, newsletters)}"
            problems.error(path.relative_to(root).as_posix(), 0, "unknown-newsletter", message)


def _note(
    path: Path, file: str, newsletter: str, slot: str, own: str, site: Site, problems: Problems
) -> EditionNote | None:
    """``own`` is the language in the file's name, or ''."""
    found, language = Problems(), own or site.fallback
    if language not in site.languages:
        message = f"language '{language}' is not one of the site's; {did_you_mean(language, site.languages)}"
        found.error(file, 0, "unknown-language", message)
    markdown = read_markdown(path, file, found)
    note = None
    if markdown:
        fields = markdown.fields
        intro, sections = split_arrangement(markdown.body, markdown.body_line, file, language, problems)
        note = EditionNote(
            newsletter=newsletter,
            slot=slot,
            subject=_subject(fields, own, site.languages),
            intro={language: intro} if intro.strip() else {},
            highlight=fields.text("highlight"),
            exclude=fields.texts("exclude"),
            order=fields.texts("order"),
            sections=sections,
            segment=read_segment(fields, "segment", site),
            file=file,
            lines={key: fields.line_of(key) for key in fields.keys()},
        )
        fields.finish()
    problems.extend(found.sorted())
    return None if found.errors else note


def _may_name_a_segment(path: Path) -> bool:
    """Whether a note that can't be read was for some readers only: its edition must not go to all then."""
    try:
        return b"segment" in path.read_bytes()
    except OSError:
        return False


def _subject(fields: Fields, own: str, languages: tuple[str, ...]) -> Localized:
    """A plain subject is that of all languages, but in the note of one language it is only this one's."""
    subject = {tag: text for tag, text in fields.localized("subject", languages=languages).items() if text}
    return {own: subject[ANY_LANGUAGE]} if own and ANY_LANGUAGE in subject else subject


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 (a local date)
    except ValueError:
        return False
    return True


def _merge(first: EditionNote | None, second: EditionNote) -> EditionNote:
    if first is None:
        return second
    return replace(
        first,
        subject={**second.subject, **first.subject},
        intro={**second.intro, **first.intro},
        highlight=first.highlight or second.highlight,
        exclude=first.exclude or second.exclude,
        order=first.order or second.order,
        sections=merge_sections(first.sections, second.sections),
        segment=first.segment or second.segment,
        lines={**second.lines, **first.lines},
        files={**{key: second.file for key in second.lines if key not in first.lines}, **first.files},
    )
