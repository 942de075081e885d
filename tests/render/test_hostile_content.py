"""Content from strangers in each look: whatever it holds, the mail is balanced, inert, small and soon there."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect.entry import Entry, EntryText, Image
from chalicelib.compose.edition import Content, EditionSection
from chalicelib.content.values import Kind, Layout, Shape, Show
from chalicelib.render.compiling import compile_letter
from chalicelib.render.letter import Letter
from chalicelib.render.personal import TOKEN
from chalicelib.render.renderer import Rendered, render
from chalicelib.render.templates import templates_for
from chalicelib.render.variants import variant_for
from tests.render.test_letter import READER
from tests.render.values import NEWSLETTER, SLOT_AT, content, entry, site

LOOKS = ("digest", "alert", "event", "letter")
SECONDS = 100
VOID = set("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
ACTIVE = set("script iframe object embed form input button svg math template applet base frame".split())  # noqa: SIM905
HOSTILE = {
    "jinja": "{{ config }} {% for x in y %} {# #} {{ 7 * 7 }} {%- endraw -%}",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a>",
    "active": "<svg/onload=alert(1)><iframe src=//x><form action=x><input><style>*{x:y}</style><base href=//x><math>",
    "mjml": "</mj-text></mj-column><mj-raw><script>x</script></mj-raw><mj-include path='/etc/passwd' />",
    "cdata": "<![CDATA[ <b>x ]]> <![endif]--> <!--[if mso]><table> <!-- <!DOCTYPE x> <?xml ?> ]]>",
    "unclosed": "<b><i><a href='https://example.org/'><table><tr><td><ul><li><h1><pre><blockquote><p",
    "closed": "</td></tr></table></div></body></html></p></a></b>",
    "quotes": "\" onmouseover='x' ' style=\"position:fixed\" \\\" &quot; &amp;quot; &#0; &#xD800; &bogus; &",
    "controls": "\x00\x01\x02name:\x03\x02unsubscribe_url:\x03\x02secret:6162\x03\x02name:zz\x03\x1b[31m\x7f\x85",
    "tokens": "SLOT61TOLS SLOTTOLS SLOTzzTOLS {name|x} {unsubscribe_url} %7Bname%7D",
    "surrogates": "\ud800 \udfff \ud83d x \ufdd0 \uffff \ue000",
    "bidi": "\u202egnp.exe\u202c \u2066x \u200f مرحبا \u061c שלום",
    "zero-width": "\u200b\u200c\u200d\u2060\ufeff\u00ad" * 50,
    "emoji": "👩‍👩‍👧‍👦🇩🇪👍🏽" * 40 + "e" + "\u0301" * 500,
    "lines": "a\r\nBcc: x@example.org\r\n\r\n.\r\nFrom \u2028 \u2029 \x0b \x0c",
    "long": "x" * 100_000,
    "words": "word " * 20_000,
    "nested": "<div>" * 20_000 + "deep",
    "nested-lists": "<ul><li>" * 20_000 + "deep",
    "nested-quotes": "<blockquote>" * 20_000 + "deep",
    "nested-tables": "<table><tr><td>" * 20_000 + "deep",
    "nested-marks": "<b><i>" * 20_000 + "deep",
    "links": "".join(f'<p><a href="https://example.org/{n}?a=1&amp;b=2">Link {n}</a></p>' for n in range(1000)),
    "pictures": "".join(f'<img src="https://example.org/{n}.png" alt="Picture {n}">' for n in range(1000)),
    "brackets": "<" * 100_000,
    "ampersands": "&" * 100_000,
    "comments": "<!--" * 50_000,
    "attributes": "<p " + "a=b " * 50_000 + ">x",
    "megabytes": "<p>A sentence that goes on with <em>some</em> words in it.</p>\n" * 80_000,
    "one paragraph": "<p>" + "word " * 1_000_000 + "</p>",
}  # fmt: skip


class Balance(HTMLParser):
    """Notes what is opened, what is closed in which order, and what could act."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)
        self.close()
        self.wrong += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag in ACTIVE:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("srcdoc", "formaction", "action"):
                self.wrong.append(f"{name} of <{tag}>")
            if name in ("href", "src") and not re.match(r"https://|http://|mailto:|\x02", value or ""):
                self.wrong.append(f"{name} of <{tag}> is {str(value)[:40]!r}")
            if name == "style" and re.search(r"position:|expression|url\(", value or ""):
                self.wrong.append(f"style of <{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(f"</{tag}> is out of place")


def hostile_entry(number: int, words: str, **changes: object) -> Entry:
    """All that a stranger can say of one entry."""
    facts = ((words, words), ("Fact", words))
    text = EntryText(words, "https://example.org/" + words, f"<p>{words}", words, words, facts)
    other = EntryText("Titel", "https://example.org/de", words, "", words, facts)
    picture = Image("https://example.org/" + words, words)
    return entry(
        number, texts={"en": text, "de": other}, authors=(words,) * 3, place=words, image=picture,
        categories=(words,), **changes,
    )  # fmt: skip


def edition(look: str, words: str) -> Content:
    """News, an event, a deadline, a poll, in full and in short, and an editor's words."""
    poll = f"<p>{words}</p><ul><li><a href='https://example.org/{words}'>{words}</a></li></ul>"
    answers = '<ul><li><a href="https://example.org/yes">Yes</a></li></ul>'
    sections = (
        EditionSection({"en": words[:500]}, (hostile_entry(1, words),), layout=Layout(Show.FULL, pictures=True)),
        EditionSection({"*": "Dates"}, (hostile_entry(2, words, kind=Kind.EVENT, starts=SLOT_AT, ends=SLOT_AT),)),
        EditionSection({"*": "Calls"}, (hostile_entry(3, words, kind=Kind.DEADLINE, starts=SLOT_AT),)),
        EditionSection({}, (entry(4, texts={"en": EntryText(words, "", poll + answers)}, shape=Shape.POLL),)),
    )
    return content(
        template=look, sections=sections, highlight=hostile_entry(5, words), subject={"en": words[:500]},
        intro_html={"en": f"<p>Dear {{name|friend}}, {words[:500]}</p>"},
    )  # fmt: skip


def mail(made: Content, language: str) -> tuple[Rendered, Letter]:
    at = site()
    variant = variant_for(made, at.languages, at.fallback, language, None)
    assert variant
    rendered = render(at, NEWSLETTER, made, variant, templates=templates_for(at.root))
    return rendered, compile_letter(rendered, site=at, newsletter=NEWSLETTER, content=made, variant=variant)


def in_order(made: Content, language: str) -> None:
    begun = monotonic()
    rendered, letter = mail(made, language)
    raw = letter.personalise(replace(READER, preferences_url="https://news.example.org/p/x"))
    assert monotonic() - begun < SECONDS
    assert Balance(rendered.html).wrong == []
    assert len(rendered.html.encode()) < 100_000
    assert len(rendered.subject) < 1000
    whole = rendered.subject + rendered.html + rendered.text
    assert {match[1] for match in TOKEN.finditer(whole)} <= {"name", "unsubscribe_url", "preferences_url"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", TOKEN.sub("", whole))
    assert raw.isascii()
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert rendered.html.rstrip().endswith("</body></html>")


@pytest.mark.parametrize("look", LOOKS[:2])
@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_content_makes_a_mail_in_order(what: str, look: str) -> None:
    in_order(edition(look, HOSTILE[what]), "en")


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("what", HOSTILE)
def test_in_every_look_and_language_too(what: str, look: str) -> None:
    for language in ("en", "de"):
        in_order(edition(look, HOSTILE[what]), language)


MARKUP = st.lists(
    st.one_of(st.sampled_from([words for words in HOSTILE.values() if len(words) < 1000]), st.text(max_size=20)),
    max_size=6,
).map("".join)


@settings(max_examples=100, deadline=None)
@given(MARKUP, st.sampled_from(LOOKS))
def test_mixtures_of_it_do_too(words: str, look: str) -> None:
    in_order(edition(look, words), "en")


@pytest.mark.parametrize(
    "html", ["<p><b></p></b>", "<p>", "</p>", "<p onclick='x'></p>", "<script></script>", "<a href='x:y'></a>"]
)
def test_disorder_would_be_found(html: str) -> None:
    assert Balance(html).wrong
    assert Balance("<p><a href='https://x.example/'>x<br></a><img src='https://x.example/'></p>").wrong == []
