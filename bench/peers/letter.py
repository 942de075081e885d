"""One letter for all: a site on the disk whose newsletter has an edition of about 10 KB, and its parts for the peers.

The site has a template of its own, plain as many sites' are: the built-in one alone is 12 KB of HTML.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from bench.importing import NEWSLETTER, SITE
from bench.letters import sample
from chalicelib.compose.edition import Content
from chalicelib.content.load import load_site
from chalicelib.content.values import Layout, Show
from chalicelib.render.personal import TOKEN
from chalicelib.render.renderer import render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import variant_for

ARTICLES = 9
"""Articles in the letter, each with a paragraph of 400 characters."""
TEMPLATE = {
    "subject.txt": "{{ title }}, {{ date }}\n",
    "body.mjml": """\
<mjml lang="{{ language }}"><mj-head><mj-title>{{ subject }}</mj-title></mj-head>
<mj-body><mj-section><mj-column><mj-text>
<h1>{{ title }}</h1>
{{ intro }}
{% for section in sections %}{% for item in section.items %}
<h2><a href="{{ item.url }}">{{ item.title }}</a></h2>
{{ item.body }}
{% endfor %}{% endfor %}
<p><a href="{{ preferences_url }}">Choose</a> <a href="{{ unsubscribe_url }}">Leave</a></p>
</mj-text></mj-column></mj-section></mj-body></mjml>
""",
    "body.txt": """\
{{ title }}

{{ intro_text() }}
{% for section in sections %}{% for item in section.items %}

{{ wrap(item.title) }}
{{ item.url }}
{% endfor %}{% endfor %}

Choose: {{ preferences_url }}
Leave: {{ unsubscribe_url }}
""",
}


@dataclass(frozen=True)
class Parts:
    """The letter as others take it. ``html`` and ``text`` are text, a field, text, a field … and text."""

    subject: str
    html: list[str]
    text: list[str]


def edition() -> Content:
    """The edition's content."""
    _, _, content = sample()
    articles = content.sections[0]
    entries = tuple(articles.entries[n % len(articles.entries)] for n in range(ARTICLES))
    return replace(content, sections=(replace(articles, entries=entries, layout=Layout(Show.FULL)),))


def former() -> Content:
    """That of the week before, with other entries."""
    content, week = edition(), timedelta(days=7)
    section = content.sections[0]
    entries = tuple(replace(entry, id=f"{n:012x}") for n, entry in enumerate(section.entries[:2], 100))
    at = content.slot_at - week
    return replace(content, slot=f"{at:%Y-%m-%d}", slot_at=at, sections=(replace(section, entries=entries),))


def write_site(root: Path) -> None:
    """The site's files."""
    (root / "content" / "newsletters").mkdir(parents=True)
    (root / "content" / "site.yaml").write_text(SITE)
    (root / "content" / "newsletters" / "digest.yaml").write_text(NEWSLETTER)
    template = root / "templates" / "email" / "digest"
    template.mkdir(parents=True)
    for name, text in TEMPLATE.items():
        (template / name).write_text(text)


def parts(root: Path) -> Parts:
    """The letter that our own renderer makes of it, with the fields still open."""
    site, content = load_site(root).require(), edition()
    variant = variant_for(content, ("en",), "en", "en", None)
    if variant is None:
        raise RuntimeError("The edition has nothing in English.")
    made = render(site, site.newsletters["digest"], content, variant, templates=templates_for(root))
    return Parts(made.subject, _split(made.html), _split(made.text))


def _split(text: str) -> list[str]:
    return [part for n, part in enumerate(TOKEN.split(text)) if n % 3 != 2]
