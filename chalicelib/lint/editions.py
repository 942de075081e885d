"""The lint of an edition before it is made: rendered in each language, problems at the line where they are mended."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chalicelib.compose.edition import Content
from chalicelib.content.values import Problem, Severity, Site, localize
from chalicelib.errors import AddressError, ConfigurationError, RenderError
from chalicelib.lint.document import read_html
from chalicelib.lint.findings import Finding
from chalicelib.lint.mail import Mail, mail_findings
from chalicelib.lint.places import Places
from chalicelib.lint.sources import SITE_FILE
from chalicelib.render.calendar_part import calendar_of
from chalicelib.render.compiling import compile_letter
from chalicelib.render.rendered import Rendered
from chalicelib.render.renderer import render
from chalicelib.render.templates import BUILT_IN, templates_for
from chalicelib.render.variants import Variant, variant_for

_OF_THE_TEXT = frozenset({
    "bad-link", "doubled-link", "local-link", "staging-link", "http-link", "markdown-link", "empty-link",
    "ambiguous-link", "missing-alt", "wrong-day", "unresolved", "placeholder", "spam", "subject",
})  # fmt: skip
"""What an editor mends in a text; all else is mended in templates, or by taking something out."""
_OF_THE_TEMPLATE = frozenset({
    "page-language", "page-title", "heading-order", "empty-heading", "table-role", "duplicate-id", "client",
    "remote-style", "lost-link", "lost-title", "long-line", "ambiguous-link", "empty-link", "missing-alt",
})  # fmt: skip
"""What stands in no text of an editor can only be mended in a template: told where the site has some of its own."""


@dataclass(frozen=True, slots=True)
class Linted:
    """The problems of an edition, and the addresses that its mails link to."""

    problems: tuple[Problem, ...]
    urls: tuple[str, ...] = ()


def lint_edition(
    site: Site, content: Content, places: Places, files: Mapping[str, tuple[str, ...]], before: Mapping[str, str]
) -> Linted:
    """An edition in each language, for readers of all topics. ``files`` are those of each entry of a folder, by its id.

    ``before`` is the subject of the edition before, by language. What can't be rendered is a problem like others.
    """
    problems: set[Problem] = set()
    urls: dict[str, None] = {}
    for language in site.languages:
        variant = variant_for(content, site.languages, site.fallback, language, None)
        place = f"{content.edition_id} ({language})"
        if variant is None:
            continue
        try:
            rendered, size = _compiled(site, content, variant)
        except (RenderError, AddressError, ConfigurationError) as error:
            problems.add(Problem(place, 0, "render", Severity.ERROR, str(error)))
            continue
        mail = Mail(rendered, site, content, variant, localize(before, language, site.fallback), size)
        problems.update(_located(mail, places, files))
        urls.update(dict.fromkeys(link.attrs["href"] for link in read_html(rendered.html).links))
    return Linted(tuple(sorted(problems)), tuple(urls))


def _compiled(site: Site, content: Content, variant: Variant) -> tuple[Rendered, int]:
    newsletter = site.newsletters[content.newsletter]
    rendered = render(site, newsletter, content, variant, templates=templates_for(site.root))
    calendar = calendar_of(site, newsletter, content, variant)
    letter = compile_letter(
        rendered, site=site, newsletter=newsletter, content=content, variant=variant, calendar=calendar
    )
    return rendered, sum(len(segment) for segment in letter.segments if isinstance(segment, str))


def _located(mail: Mail, places: Places, files: Mapping[str, tuple[str, ...]]) -> Iterator[Problem]:
    note = mail.site.notes.get((mail.content.newsletter, mail.content.slot))
    notes = dict.fromkeys([note.file, *note.files.values()]) if note else {}
    written = [file for entry in mail.entries for file in files.get(entry.id, ())]
    mine = [file for file in written if f"/{mail.variant.language}/" in file]
    candidates = list(dict.fromkeys([*notes, *mine, *written, SITE_FILE]))
    for finding in mail_findings(mail):
        if problem := _problem(finding, mail, places, candidates):
            yield problem


def _problem(finding: Finding, mail: Mail, places: Places, candidates: list[str]) -> Problem | None:
    found = None
    if finding.needle and finding.code in _OF_THE_TEXT:
        found = places.find(candidates, finding.needle)
    if found:
        return finding.at(*found)
    theirs = finding.code not in _OF_THE_TEMPLATE or has_templates(mail.site)
    return finding.at(mail.place) if theirs else None


def has_templates(site: Site) -> bool:
    """Whether a site has templates of its own, beside those that are built in."""
    folder = site.root / "templates"
    return folder.is_dir() and folder.resolve() != BUILT_IN
