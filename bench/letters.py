"""Personalised messages per second: compiled letters beside Jinja with the standard library's EmailMessage."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment

from bench.measuring import Row, rates
from chalicelib.collect.entry import Entry, EntryText
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.content.values import Kind, Newsletter, Section, Sender, Site
from chalicelib.render.compiling import compile_letter
from chalicelib.render.letter import Reader
from chalicelib.render.renderer import Rendered, render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import variant_for

NOW = datetime(2026, 11, 19, 9, tzinfo=UTC)
BODY = "<p>" + "A sentence of a real length that an editor might well have written. " * 12 + "</p>"


def sample() -> tuple[Site, Newsletter, Content]:
    """A site, a newsletter and an edition of twelve articles, about 60 KB as HTML."""
    newsletter = Newsletter("digest", {"*": "Digest"}, sections=(Section({}, rest=True),))
    site = Site(
        root=Path("nowhere"), name={"*": "Bench"}, base_url="https://news.example.org", languages=("en",),
        time_zone=ZoneInfo("Europe/Berlin"), sender=Sender({"*": "Bench"}, "news@example.org"),
        postal_address={"*": "Example Street 1"}, newsletters={"digest": newsletter},
    )  # fmt: skip
    entries = tuple(
        Entry(
            f"{n:012x}", f"post-{n}", Kind.POST, "posts",
            {"en": EntryText(f"Article number {n}", f"https://example.org/{n}", BODY)}, NOW, NOW,
        )
        for n in range(12)
    )  # fmt: skip
    return site, newsletter, Content("digest", "2026-11-19", NOW, 1, "alert", (EditionSection({}, entries),))


def ours(rendered: Rendered, site: Site, newsletter: Newsletter, content: Content) -> Callable[[int], bytes]:
    """One reader's bytes from a compiled letter."""
    variant = variant_for(content, ("en",), "en", "en", None)
    assert variant is not None
    letter = compile_letter(rendered, site=site, newsletter=newsletter, content=content, variant=variant)

    def make(n: int) -> bytes:
        url = f"https://news.example.org/u/{n:040x}"
        return letter.personalise(Reader(f"reader{n}@example.org", f"Reader {n}", url, f"m{n}@example.org", NOW))

    return make


def theirs(rendered: Rendered) -> Callable[[int], bytes]:
    """The usual way: a Jinja template and an EmailMessage for each reader."""
    environment = Environment(autoescape=True)
    html = environment.from_string("{% raw %}" + rendered.html + "{% endraw %}<a href='{{ url }}'>{{ name }}</a>")
    text = environment.from_string("{% raw %}" + rendered.text + "{% endraw %}{{ name }} {{ url }}")

    def make(n: int) -> bytes:
        values = {"name": f"Reader {n}", "url": f"https://news.example.org/u/{n:040x}"}
        message = EmailMessage()
        message["From"], message["To"] = "Bench <news@example.org>", f"Reader {n} <reader{n}@example.org>"
        message["Subject"], message["Date"] = rendered.subject, format_datetime(NOW)
        message["Message-ID"] = f"<m{n}@example.org>"
        message.set_content(text.render(values))
        message.add_alternative(html.render(values), subtype="html")
        return message.as_bytes()

    return make


def run() -> list[Row]:
    """The rows of this comparison."""
    site, newsletter, content = sample()
    variant = variant_for(content, ("en",), "en", "en", None)
    assert variant is not None
    rendered = render(site, newsletter, content, variant, templates=templates_for(site.root))
    mine, peer = ours(rendered, site, newsletter, content), theirs(rendered)
    size = len(mine(1)) // 1024
    return rates(f"personalised messages of {size} KB", {"Sendbrief": (mine, 2000), "Jinja + EmailMessage": (peer, 50)})
