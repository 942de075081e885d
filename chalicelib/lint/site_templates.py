"""The lint of a site's own templates: each is run on specimen editions in each language, and read as it lies there."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from jinja2.exceptions import TemplateSyntaxError

from chalicelib.compose.edition import Content
from chalicelib.content.load import template_names
from chalicelib.content.values import Problem, Severity, Site
from chalicelib.errors import RenderError
from chalicelib.lint.mjml import lint_expanded, lint_source
from chalicelib.lint.mjml_checks import UNKNOWN
from chalicelib.lint.specimen import bare_specimen, dated_specimen, specimen, specimen_newsletter
from chalicelib.render.notices import Kind, Latest, Notice, render_notice
from chalicelib.render.origins import Expanded, Origin, relative
from chalicelib.render.rendered import Rendered
from chalicelib.render.renderer import render, render_public
from chalicelib.render.sandbox import BoundedEnvironment
from chalicelib.render.templates import TemplateFaultError, Templates, templates_for
from chalicelib.render.variants import variant_for

Run = Callable[[Templates], None]
_SMALLER = (bare_specimen, dated_specimen)


@dataclass(frozen=True, slots=True)
class _Watched(Templates):
    """Templates that keep what they become before it is HTML."""

    made: list[Expanded] = field(default_factory=list)

    def html(self, name: str, context: Mapping[str, object]) -> str:
        """The MJML, kept; it stands in for the HTML, which nobody looks at."""
        self.made.append(self.expanded(name, context))
        return self.made[-1].text


def lint_site_templates(site: Site) -> list[Problem]:
    """All that is wrong with the templates of a site, sorted; none where it has none of its own."""
    if not (site.root / "templates").is_dir():
        return []
    return lint_templates(site, template_names(site.root))


def lint_templates(site: Site, names: tuple[str, ...]) -> list[Problem]:
    """All that is wrong with mail templates, those that are built in included."""
    found: set[Problem] = set()
    for name in names:
        for run in _runs(site, name):
            found.update(_tried(site, name, run))
    for path in sorted((site.root / "templates").rglob("*.mjml")):
        found.update(lint_template_source(path, path.relative_to(site.root).as_posix()))
    return sorted(found)


def _runs(site: Site, name: str) -> Iterator[Run]:
    """What a template is run on: everything in each language, for readers and the archive; then less."""
    if name in set(Kind):
        yield from (partial(_notice, site, Kind(name), language) for language in site.languages)
        return
    for language in site.languages:
        yield from (partial(_edition, site, specimen(site, name), language, make) for make in (render, render_public))
    yield from (partial(_edition, site, make(site, name), site.fallback, render) for make in _SMALLER)


def _edition(site: Site, content: Content, language: str, make: Callable[..., Rendered], templates: Templates) -> None:
    if variant := variant_for(content, site.languages, site.fallback, language, None):
        make(site, specimen_newsletter(site, content.template), content, variant, templates=templates)


def _notice(site: Site, kind: Kind, language: str, templates: Templates) -> None:
    newsletters = tuple(site.newsletters.values()) or (specimen_newsletter(site, ""),)
    latest = tuple((one.name, Latest("An <edition> & more", "https://example.org/1")) for one in newsletters)
    render_notice(site, Notice(kind, newsletters, language, latest), templates=templates)


def lint_template_source(path: Path, file: str) -> list[Problem]:
    """What can be said of a template's file without running it."""
    try:
        source = path.read_text("utf-8")
    except (OSError, ValueError):
        return [Problem(file, 0, "template", Severity.ERROR, "can't be read; save it as UTF-8")]
    return lint_template_text(source, file)


def lint_template_text(source: str, file: str) -> list[Problem]:
    """What can be said of a template without running it. Never raises."""
    try:
        made = _masked(source, file)
    except TemplateSyntaxError as error:
        return [Problem(file, error.lineno, "template", Severity.ERROR, str(error.message))]
    except (RecursionError, MemoryError):
        return [Problem(file, 0, "template", Severity.ERROR, "it is nested too deep")]
    return lint_source(made, lambda origin: origin.name)


def _tried(site: Site, name: str, run: Run) -> Iterator[Problem]:
    plain = templates_for(site.root)
    watched = _Watched(plain.roots, plain.markup, plain.plain)
    try:
        run(watched)
    except TemplateFaultError as error:
        yield Problem(_file(site, error.template), error.line, "template", Severity.ERROR, error.said)
    except RenderError as error:
        yield Problem(_file(site, f"email/{name}/body.mjml"), 0, "template", Severity.ERROR, error.message)
    for made in watched.made[:1]:
        yield from lint_expanded(made, lambda origin: relative(origin, site.root))


def _file(site: Site, template: str) -> str:
    """A template as problems name it: relative to the site, where it is the site's own."""
    own = site.root / "templates" / template
    return relative(Origin(template, str(own) if own.is_file() else "", 0), site.root)


def _masked(source: str, file: str) -> Expanded:
    """A template's own text; what it prints is unknown, what it decides is left out. Raises TemplateSyntaxError."""
    environment = BoundedEnvironment()
    environment.parse(source)
    pieces: list[str] = []
    offsets: list[int] = []
    origins: list[Origin] = []
    length = 0
    for line, kind, value in environment.lex(source):
        shown = value if kind == "data" else UNKNOWN if kind == "variable_begin" else ""
        if shown:
            offsets.append(length)
            origins.append(Origin(file, "", line))
            pieces.append(shown)
            length += len(shown)
    return Expanded("".join(pieces), tuple(offsets), tuple(origins))
