"""A specimen edition: every kind of entry and every shape, with and without what they may lack, to try templates on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.collect.entry import Change, Entry, EntryText, Image
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.content.values import Kind, Layout, Newsletter, Shape, Show, Site

SLOT_AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
NAME = "specimen"
_PICTURE = Image("https://example.org/picture.png", "A rack of servers")
_BODY = (
    "<h2>Heading</h2><p>A <strong>bold</strong> and <em>slanted</em> word, <code>code</code>, a "
    '<a href="https://example.org/link">link</a> and <del>what is gone</del>.</p>'
    "<ul><li>one</li><li>two<ol><li>deeper</li></ol></li></ul><blockquote><p>Said by somebody.</p></blockquote>"
    "<pre><code>$ command --with options</code></pre><hr>"
    '<table><thead><tr><th>Name</th><th>Value</th></tr></thead><tbody><tr><td align="right">a</td><td>1</td></tr>'
    '</tbody></table><p><img src="https://example.org/inline.png" alt="A diagram"></p>'
    "<h3>Smaller</h3><dl><dt>Word</dt><dd>What it means</dd></dl><p>Hello {name|everyone} &amp; &lt;all&gt;.</p>"
)
_FACTS = (("Where", "Berlin & online"), ("Level", 'A "first" step'))


def specimen(site: Site, template: str) -> Content:
    """Everything that an edition of this site could show, in all of its languages and one more."""
    posts = [_entry(site, n, layout=n) for n in range(4)]
    foreign = _entry(site, 9, languages=("xx",))
    shapes = [_entry(site, 20 + n, shape=shape, facts=_FACTS) for n, shape in enumerate(Shape)]
    shapes += [_entry(site, 40 + n, shape=shape, bare=True) for n, shape in enumerate(Shape)]
    layouts = [Layout(show, pictures=pictures) for show in Show for pictures in (True, False)]
    sections = [
        EditionSection(_said(site, "Section"), tuple(_entry(site, 100 * (n + 1) + m) for m in (0, 1)), (), layout)
        for n, layout in enumerate(layouts)
    ]
    sections += [
        EditionSection(_said(site, "News"), (*posts, foreign), (_entry(site, 8),)),
        EditionSection({}, tuple(shapes)),
        EditionSection(_said(site, "Dates"), tuple(_dated(site))),
    ]
    dated = sections[-1].entries
    return Content(
        NAME, f"{SLOT_AT:%Y-%m-%d}", SLOT_AT, 7, template, tuple(sections),
        highlight=_entry(site, 7, facts=_FACTS),
        intro_html=_said(site, _BODY),
        remarks={posts[0].id: _said(site, "<p>Worth <b>an evening</b>.</p>"), dated[0].id: {"xx": "<p>.</p>"}},
        reminders=(dated[-1].id,),
    )  # fmt: skip


def bare_specimen(site: Site, template: str) -> Content:
    """As little as an edition can have: one entry without anything it could do without."""
    section = EditionSection({}, (_entry(site, 1, bare=True),))
    return Content(NAME, f"{SLOT_AT:%Y-%m-%d}", SLOT_AT, 1, template, (section,))


def dated_specimen(site: Site, template: str) -> Content:
    """An edition about one event, with its picture."""
    first, *rest = _dated(site)
    return Content(
        NAME, f"{SLOT_AT:%Y-%m-%d}", SLOT_AT, 2, template, (EditionSection({}, tuple(rest)),),
        highlight=first, intro_html=_said(site, "<p>Come.</p>"), gathering=True,
    )  # fmt: skip


def specimen_newsletter(site: Site, template: str) -> Newsletter:
    """The newsletter of this site that uses a template, or one that might."""
    used = [newsletter for newsletter in site.newsletters.values() if newsletter.template == template]
    return used[0] if used else Newsletter(NAME, _said(site, "Specimen"), template=template)


def _said(site: Site, text: str) -> dict[str, str]:
    return dict.fromkeys(site.languages, text)


def _entry(
    site: Site,
    number: int,
    *,
    kind: Kind = Kind.POST,
    bare: bool = False,
    languages: tuple[str, ...] = (),
    layout: int = 0,
    **more: object,
) -> Entry:
    """An entry; a ``bare`` one has a title and nothing else."""
    facts = more.pop("facts", ())
    url = f"https://example.org/{number}?a=1&b=2"
    text = EntryText(f"Entry <{number}> & more", "" if bare else url, "" if bare else _BODY, facts=facts)  # type: ignore[arg-type]
    values: dict[str, object] = {
        "authors": () if bare else ("Ada Example", "Bo Example"),
        "image": None if bare or layout % 2 else _PICTURE,
    }
    return Entry(
        f"{number:012x}", f"entry-{number}", kind, "blog", dict.fromkeys(languages or site.languages, text),
        SLOT_AT - timedelta(days=1), **(values | more),  # type: ignore[arg-type]
    )  # fmt: skip


def _dated(site: Site) -> list[Entry]:
    """Events and deadlines: plain, long, all day, moved, cancelled, on again, without a place, due today."""
    at = SLOT_AT + timedelta(days=3)
    midnight = datetime(2026, 11, 30, tzinfo=site.time_zone).astimezone(UTC)
    place = "Example Street 1, Berlin & online"
    events: list[dict[str, Any]] = [
        {"starts": at, "ends": at + timedelta(hours=2), "place": place},
        {"starts": at, "ends": at + timedelta(days=2)},
        {"starts": midnight, "all_day": True, "place": "https://meet.example.org/room"},
        {"starts": at, "place": place, "change": Change.MOVED, "moved_from": SLOT_AT + timedelta(days=1)},
        {"starts": at, "place": place, "change": Change.CANCELLED},
        {"starts": at, "change": Change.AGAIN, "moved_from": SLOT_AT + timedelta(days=1)},
    ]
    found = [replace(_entry(site, 60 + n, kind=Kind.EVENT, layout=n), **event) for n, event in enumerate(events)]
    for n, due in enumerate((at, SLOT_AT + timedelta(hours=1), SLOT_AT - timedelta(days=1))):
        found.append(_entry(site, 80 + n, kind=Kind.DEADLINE, bare=bool(n), starts=due))
    return found
