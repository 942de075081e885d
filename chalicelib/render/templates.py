"""Jinja for mails: a site's templates before the built-in ones, sandboxed, content kept away from MJML.

MJML is XML of a kind, and its parser reads what stands in text and attributes: an unclosed tag, a
newline in an attribute or 20,000 nested elements in content would break or crash it. So every value a
``.mjml`` template prints is hidden in a token of letters and hex digits, and takes its place again,
escaped, after the MJML has become HTML. Only numbers, colours and what macros made are printed as they are.
"""

import re
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateNotFound, Undefined
from jinja2.exceptions import TemplateSyntaxError
from markupsafe import Markup, escape

from chalicelib.errors import RenderError
from chalicelib.render.budget import bounded, budget
from chalicelib.render.compiled import Compiled
from chalicelib.render.filters import printable, text_of
from chalicelib.render.messages import Catalogue, load_catalogue
from chalicelib.render.mjml import MjmlError, to_html
from chalicelib.render.mjml_structure import first_refusal
from chalicelib.render.origins import Expanded, MarkingEnvironment
from chalicelib.render.sandbox import BoundedEnvironment
from chalicelib.render.text import clean

BUILT_IN = Path(__file__).resolve().parents[2] / "templates"
"""Beside chalicelib/ in the checkout, and at the root of the Lambda zip."""

_LONG = 10_000
"""Characters of a value that count when it is printed, not only with the whole that is made of it."""
_AS_IT_IS = (Markup, int, float)
_SLOT = re.compile("SLOT([0-9a-f]+)TOLS")


@dataclass(frozen=True, slots=True)
class Html:
    """HTML that may stand in a mail as it is: content that ``mail_html`` wrote."""

    text: str

    def __bool__(self) -> bool:
        return bool(self.text)


def _hide(value: object) -> object:
    """What a ``.mjml`` template prints in place of a value (Jinja's ``finalize``)."""
    if isinstance(value, _AS_IT_IS) or value is None:
        return "" if value is None else value
    html = value.text if isinstance(value, Html) else str(escape(str(printable(value))))
    if len(html) > _LONG:
        budget().spend(2 * len(html))
    return Markup(f"SLOT{html.encode('utf-8', 'replace').hex()}TOLS") if html else ""  # noqa: S704 - hex only


def _show(value: object) -> object:
    """What a ``.txt`` template prints."""
    return value if isinstance(value, str | Undefined) else text_of(value)


def _reveal(html: str) -> str:
    return _SLOT.sub(lambda match: bytes.fromhex(match[1]).decode(), html)


class TemplateFaultError(RenderError):
    """A fault in a template: its name as templates call it, and the line (0: not known)."""

    def __init__(self, template: str, line: int, said: str, hint: str) -> None:
        where = f"Template {template}, line {line}" if line else f"Template {template}"
        super().__init__(f"{where}: {said}.".replace("..", "."), hint)
        self.template = template
        self.line = line
        self.said = said


@dataclass(frozen=True, slots=True)
class Templates:
    """The templates a site uses. ``roots`` are folders with email/ and messages/, the one that wins first."""

    roots: tuple[Path, ...]
    markup: Environment
    plain: Environment

    def html(self, name: str, context: Mapping[str, object]) -> str:
        """A ``.mjml`` template as HTML. Raises RenderError naming template and line."""
        source = self._run(self.markup, name, context)
        try:
            return _reveal(to_html(source))
        except MjmlError as error:
            raise self._refused(name, context, error) from error

    def expanded(self, name: str, context: Mapping[str, object]) -> Expanded:
        """The MJML that a template becomes, each tag with the line it comes from. Raises RenderError."""
        environment = _marking(self.roots)
        return environment.origins(self._run(environment, name, context))

    def _refused(self, name: str, context: Mapping[str, object], error: MjmlError) -> RenderError:
        """What MRML does not like, with the line of the template, which MRML can't name."""
        made = self.expanded(name, context)
        hint = "Mend the template; 'sendbrief check' names all that is wrong in it."
        if fault := first_refusal(made.text):
            place = made.origin(fault.offset)
            return TemplateFaultError(place.name, place.line, fault.message, hint)
        return RenderError(f"Template {name} is no MJML that can be rendered: {error}.", hint)

    def text(self, name: str, context: Mapping[str, object]) -> str:
        """A ``.txt`` template, nothing escaped. Raises RenderError naming template and line."""
        return self._run(self.plain, name, context)

    def catalogue(self, language: str, fallback: str) -> Catalogue:
        """The messages of a language (see ``load_catalogue``), read once."""
        return _catalogue(self.roots, language, fallback)

    def _run(self, environment: Environment, name: str, context: Mapping[str, object]) -> str:
        try:
            with bounded():
                return environment.get_template(name).render(context)
        except RenderError:
            raise
        except Exception as error:
            raise _fault(name, error) from error


def templates_for(root: Path) -> Templates:
    """The templates of the site at ``root``: its templates/ before the built-in ones. Cheap to call again."""
    return _templates((root / "templates", BUILT_IN))


_MARKUP, _PLAIN = Compiled(), Compiled()


@lru_cache(maxsize=32)
def _templates(roots: tuple[Path, ...]) -> Templates:
    return Templates(
        roots,
        BoundedEnvironment(loader=_loader(roots), bytecode_cache=_MARKUP, **_options(markup=True)),
        BoundedEnvironment(loader=_loader(roots), bytecode_cache=_PLAIN, **_options(markup=False)),
    )


@lru_cache(maxsize=8)
def _marking(roots: tuple[Path, ...]) -> MarkingEnvironment:
    return MarkingEnvironment(loader=_loader(roots), **_options(markup=True))


def _loader(roots: tuple[Path, ...]) -> ChoiceLoader:
    return ChoiceLoader([FileSystemLoader(root) for root in roots])


@lru_cache(maxsize=64)
def _catalogue(roots: tuple[Path, ...], language: str, fallback: str) -> Catalogue:
    return load_catalogue(roots, language, fallback)


def _options(*, markup: bool) -> dict[str, Any]:
    return {
        "undefined": StrictUndefined,
        "autoescape": markup,
        "finalize": _hide if markup else _show,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "keep_trailing_newline": True,
    }


def _fault(name: str, error: Exception) -> RenderError:
    if isinstance(error, TemplateNotFound):
        return RenderError(
            f"Template {error.name} was not found (asked for by {name}).", "Add the file or mend its name."
        )
    if isinstance(error, TemplateSyntaxError):
        place, line = error.name or name, error.lineno
    else:
        place, line = _place(error, name)
    said = "it is nested too deep" if isinstance(error, MemoryError | RecursionError) else clean(str(error))
    return TemplateFaultError(place, line, said or type(error).__name__, "Mend the template.")


def _place(error: Exception, name: str) -> tuple[str, int]:
    """The innermost template line of a traceback; Jinja rewrites its frames to template files."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.suffix in (".mjml", ".txt") and frame.lineno:
            return _relative(path), frame.lineno
    return name, 0


def _relative(path: Path) -> str:
    parts: Sequence[str] = path.parts
    start = len(parts) - 1 - parts[::-1].index("templates") if "templates" in parts else -1
    return "/".join(parts[start + 1 :]) if start >= 0 else path.name


def trusted(value: Any) -> Markup:
    """A value of the theme, already checked, that MJML itself must read (a colour, a font, a width)."""
    return Markup(str(value))  # noqa: S704 - the caller matched it against a shape without markup
