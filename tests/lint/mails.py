"""A good mail of a small site, made by the built-in templates, and the same with something done to it."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from chalicelib.compose.edition import Content
from chalicelib.content.values import Problem
from chalicelib.lint.mail import holding, lint_mail
from chalicelib.render.rendered import Rendered
from chalicelib.render.renderer import render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import Variant
from tests.render.values import NEWSLETTER, content, entry, site

SITE = site()
VARIANT = Variant("en", tuple(f"{number:012x}" for number in (1, 2, 3)))
INTRO = "<p>Hello, this week we have three pieces of news for you.</p>"


def edition(**changes: object) -> Content:
    return content(entry(1), entry(2), entry(3), intro_html={"*": INTRO}, **changes)


@lru_cache(maxsize=4)
def good() -> Rendered:
    return render(SITE, NEWSLETTER, edition(), VARIANT, templates=templates_for(Path("nowhere")))


def problems(rendered: Rendered, made: Content | None = None, **more: object) -> list[Problem]:
    return lint_mail(rendered, site=SITE, content=made or edition(), variant=VARIANT, **more)  # type: ignore[arg-type]


def held(rendered: Rendered, made: Content | None = None) -> list[str]:
    found = holding(rendered, site=SITE, content=made or edition(), variant=VARIANT)
    return sorted({problem.code for problem in found})


def codes(rendered: Rendered) -> list[tuple[str, str]]:
    return sorted({(problem.code, str(problem.severity)) for problem in problems(rendered)})


def with_html(added: str) -> Rendered:
    """The good mail with some HTML after its last entry, and its links in the text part."""
    mail = good()
    return replace(mail, html=mail.html.replace("</body>", f"{added}</body>"))


def changed(change: Callable[[Rendered], Rendered]) -> list[tuple[str, str]]:
    return codes(change(good()))
