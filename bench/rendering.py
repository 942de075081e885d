"""Milliseconds to render an edition in all its variants, beside npm's MJML alone on the same MJML.

An edition is new in each round, so that nothing of it is remembered; templates are warm, as in a tick that plans.
Ours is the whole way from entries to subject, HTML and text; the peer gets MJML that is expanded already.
Time is that of the processor, so that what else runs on the machine counts little.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median

from rich.table import Table

from bench import letters, npm
from chalicelib.collect.entry import Entry, EntryText
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.content.values import Kind, Layout, Newsletter, Show, Site
from chalicelib.render.context import Edition, template_context
from chalicelib.render.renderer import render
from chalicelib.render.templates import Templates, templates_for
from chalicelib.render.variants import Variant, variant_for

ARTICLES, ROUNDS, WARM = 20, 15, 3
LANGUAGES = ("en", "de")
CHOICES = (None, frozenset({"t0"}), frozenset({"t0", "t1"}), frozenset({"t1", "t2", "t3"}))
_SENTENCES = {
    "en": "Round {n} brings <em>a sentence</em> of real length with <a href='https://example.org/{n}'>a link</a>. " * 6,
    "de": "Runde {n} bringt <em>einen Satz</em> von echter Länge mit <a href='https://example.org/{n}'>Link</a>. " * 6,
}
SCRIPT = """
const mjml2html = require('mjml');
const {editions, warm} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
  const milliseconds = [];
  for (const edition of editions) {
    const begun = process.cpuUsage();
    for (const source of edition) await (mjml2html.default || mjml2html)(source);
    const used = process.cpuUsage(begun);
    milliseconds.push((used.user + used.system) / 1e3);
  }
  console.log(JSON.stringify(milliseconds.slice(warm)));
})();
"""


@dataclass(frozen=True)
class House:
    """What stays the same from edition to edition."""

    site: Site
    newsletter: Newsletter
    templates: Templates

    def milliseconds(self, content: Content) -> float:
        """To render all variants."""
        begun = time.process_time()
        for variant in variants(content):
            render(self.site, self.newsletter, content, variant, templates=self.templates)
        return (time.process_time() - begun) * 1000

    def expanded(self, content: Content) -> Iterator[str]:
        """The MJML of each variant, in which values are tokens of letters and digits, as MRML gets it."""
        for variant in variants(content):
            catalogue = self.templates.catalogue(variant.language, self.site.fallback)
            context = template_context(Edition(self.site, self.newsletter, content, variant), catalogue)
            name = f"email/{content.template}/body.mjml"
            yield self.templates.expanded(name, {**context, "subject": "A subject"}).text


def house() -> House:
    """A site in two languages."""
    site, newsletter, _ = letters.sample()
    site = replace(site, languages=LANGUAGES)
    return House(site, newsletter, templates_for(site.root))


def edition(number: int, show: Show) -> Content:
    """Articles of about 150 words in two languages, which no other number has."""
    entries = tuple(_article(number * ARTICLES + n) for n in range(ARTICLES))
    sections = (EditionSection({"*": "News"}, entries, layout=Layout(show=show)),)
    slot_at = letters.NOW + timedelta(days=number)
    return Content("digest", f"{slot_at:%Y-%m-%d}", slot_at, number + 1, "digest", sections)


def _article(n: int) -> Entry:
    texts = {
        language: EntryText(
            f"Article {n} ({language})", f"https://example.org/{n}/{language}",
            f"<p>{sentence.format(n=n)}</p>" * 2,
        )
        for language, sentence in _SENTENCES.items()
    }  # fmt: skip
    return Entry(f"{n:012x}", f"entry-{n}", Kind.POST, "posts", texts, letters.NOW, letters.NOW, topics=(f"t{n % 4}",))


def variants(content: Content) -> list[Variant]:
    """Each language for each choice of topics."""
    made = [variant_for(content, LANGUAGES, "en", language, topics) for language in LANGUAGES for topics in CHOICES]
    return [variant for variant in made if variant]


def table() -> Table:
    """Run all and compare."""
    made = Table(f"an edition of {ARTICLES} articles, {len(LANGUAGES)} × {len(CHOICES)} variants", "who", box=None)
    made.add_column("milliseconds", justify="right")
    made.add_column("ratio", justify="right")
    at = house()
    for show in (Show.SUMMARY, Show.FULL):
        editions = [edition(number, show) for number in range(WARM + ROUNDS)]
        ours = median([at.milliseconds(content) for content in editions][WARM:])
        made.add_row(f"news as {show}", "Sendbrief, to subject, HTML and text", f"{ours:.1f}", "1.0")
        if npm.has("mjml"):
            job = {"editions": [list(at.expanded(content)) for content in editions], "warm": WARM}
            theirs = median(npm.run(SCRIPT, job))
            made.add_row("", "npm mjml 5, MJML to HTML alone", f"{theirs:.1f}", f"{theirs / ours:.1f}")
    return made
