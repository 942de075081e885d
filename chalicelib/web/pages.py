"""Pages from templates/web: a site's own before the built-in ones, sandboxed, in the reader's language."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from jinja2.exceptions import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from chalicelib.content.values import Localized, Site, Theme, localize
from chalicelib.errors import RenderError
from chalicelib.render.compiled import Compiled
from chalicelib.render.messages import Catalogue, load_catalogue
from chalicelib.render.templates import BUILT_IN, trusted
from chalicelib.render.text import direction, one_line
from chalicelib.web import house

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FONT = re.compile(r"[A-Za-z0-9 ,.'\-]{1,200}")
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as HTML, and the Content-Security-Policy it works under."""

    html: str
    policy: str


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one site in one language."""

    site: Site
    language: str

    def page(self, name: str, /, **values: object) -> Page:
        """Template ``web/<name>.html``. Raises RenderError that names it."""
        try:
            html = _environment(self.site.root).get_template(f"web/{name}.html").render({**self._context(), **values})
        except (TemplateError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise RenderError(f"Template web/{name}.html can't be used: {error}.", "Mend the template.") from error
        return Page(html, policy_of(html))

    @property
    def say(self) -> Catalogue:
        """The strings of the page's language."""
        return _catalogue(self.site.root, self.language, self.site.fallback)

    @property
    def prefix(self) -> str:
        """The path that every link to the site's own pages begins with, mostly ''."""
        return urlsplit(self.site.base_url).path.rstrip("/")

    def said(self, texts: Localized) -> str:
        """Text in the page's language, or what there is, on one line."""
        return one_line(localize(texts, self.language, self.site.fallback))

    def title_of(self, newsletter: str) -> str:
        """A newsletter's title; its name where it is no longer published."""
        known = self.site.newsletters.get(newsletter)
        return (self.said(known.title) if known else "") or newsletter

    def own_name(self, tag: str) -> str:
        """What a language calls itself, for the reader who looks for it."""
        name = _catalogue(self.site.root, tag, self.site.fallback)
        return name.language_name(tag) if name.language.split("-")[0] == tag.split("-")[0] else tag

    def _context(self) -> Mapping[str, object]:
        return {
            "t": self.say,
            "language": self.language,
            "direction": direction(self.language),
            "languages": self.site.languages,
            "own_name": self.own_name,
            "site_name": self.said(self.site.name),
            "footer": self.said(self.site.footer),
            "imprint_url": self.site.imprint_url,
            "privacy_url": self.site.privacy_url,
            "prefix": self.prefix,
            "theme": _theme(self.site.theme),
            "head": "",
            "desk": False,
            "has_desk": house.has_desk(),
        }


def policy_of(html: str) -> str:
    """A policy under which nothing runs or loads but the page's own ``<style>``, pictures, and scripts of ours.

    A style is allowed by its hash whatever it says, a script only where it is one of those that come with Sendbrief:
    one that got into the page otherwise does not run. A page without any has no ``script-src``. Pictures from elsewhere
    are for pages that show some: a logo or issue that an editor took one into.
    """
    styles = _hashes(_STYLE.findall(html)) or "'none'"
    scripts = _hashes(script for script in _own_scripts() if f"<script>{script}</script>" in html)
    elsewhere = " https:" if 'src="https:' in html else ""
    return (
        f"default-src 'none'; style-src {styles}; {f'script-src {scripts}; ' if scripts else ''}"
        f"img-src 'self'{elsewhere} data:; frame-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _hashes(texts: Iterable[str]) -> str:
    digests = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
    return " ".join(f"'sha256-{digest}'" for digest in sorted(digests))


@lru_cache(maxsize=1)
def _own_scripts() -> tuple[str, ...]:
    """Our scripts as Jinja includes them: without the last line end."""
    return tuple(path.read_text("utf-8").removesuffix("\n") for path in sorted((BUILT_IN / "web").glob("*.js")))


def _theme(theme: Theme) -> Mapping[str, object]:
    """Colours, fonts and sizes as CSS may read them; what has no such shape gives way to the usual one."""
    usual, found = Theme(), dict[str, object]()
    for name in (field.name for field in fields(Theme) if not field.name.startswith("logo")):
        value = getattr(theme, name)
        shaped = isinstance(value, int) or (_FONT if name.endswith("_font") else _COLOUR).fullmatch(value)
        found[name] = trusted(value if shaped else getattr(usual, name))
    return found


_COMPILED = Compiled()


@lru_cache(maxsize=8)
def _environment(root: Path) -> Environment:
    environment = SandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(root / "templates"), FileSystemLoader(BUILT_IN)]),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_COMPILED,
    )
    environment.filters["figure"] = figure
    return environment


def figure(number: int) -> str:
    """``12 345``: groups of three, parted by a narrow no-break space as in both languages."""
    return f"{number:,}".replace(",", "\u202f")


@lru_cache(maxsize=64)
def _catalogue(root: Path, language: str, fallback: str) -> Catalogue:
    """The mails' strings and the pages', English below them, so that a language may be added in parts."""
    own = root / "templates"
    roots = (own / "web", own, BUILT_IN / "web", BUILT_IN)
    found = load_catalogue(roots, language, fallback)
    if found.language == "en":
        return found
    below = load_catalogue(roots, "en", "en")
    return Catalogue(found.language, {**below.texts, **found.texts})
