"""The lint of a mail: silent on a good one, and each planted fault found by its name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.collect.entry import EntryText
from chalicelib.content.values import Severity
from chalicelib.lint.mail import lint_mail
from chalicelib.render.personal import token
from chalicelib.render.rendered import Rendered
from tests.lint.mails import SITE, VARIANT, codes, edition, good, held, problems, with_html
from tests.render.values import SLOT_AT, content, entry

LINK = '<a href="{}">A page</a>'


def test_a_good_mail_has_no_problems() -> None:
    assert problems(good()) == []
    assert held(good()) == []


HTML_FAULTS = [
    (LINK.format("https://a.example/https://a.example/x"), "doubled-link"),
    (LINK.format("https://https://a.example/x"), "doubled-link"),
    (LINK.format("https://example.org/https%3A//example.org/x"), "doubled-link"),
    (LINK.format("http//a.example/x"), "bad-link"),
    (LINK.format("https:/a.example/x"), "bad-link"),
    (LINK.format("https://a.example/x)"), "bad-link"),
    (LINK.format("https://a.example/x%20"), "bad-link"),
    (LINK.format("https://a.example/x y"), "bad-link"),
    (LINK.format("/relative"), "bad-link"),
    (LINK.format(""), "bad-link"),
    (LINK.format("#"), "bad-link"),
    (LINK.format("https://staging.example.org/x"), "staging-link"),
    (LINK.format("https://www-stage.example.org/x"), "staging-link"),
    (LINK.format("https://preview.example.org/x"), "staging-link"),
    (LINK.format("https://deploy-preview-7--blog.netlify.app/x"), "staging-link"),
    (LINK.format("https://blog-git-main-team.vercel.app/x"), "staging-link"),
    (LINK.format("https://octo.github.dev/x"), "staging-link"),
    (LINK.format("https://example.org:8443/x"), "staging-link"),
    (LINK.format("http://example.org/x"), "http-link"),
    ('<a href="https://a.example/"></a>', "empty-link"),
    ('<a href="https://a.example/"><img src="https://a.example/a.png" alt=""></a>', "empty-link"),
    ('<a href="https://a.example/1">Here</a> <a href="https://a.example/2">here</a>', "ambiguous-link"),
    ("<p>See [the page](https://a.example/x) of it.</p>", "markdown-link"),
    ('<img src="https://a.example/a.png">', "missing-alt"),
    ("<h6>Far below</h6>", "heading-order"),
    ("<h2> </h2>", "empty-heading"),
    ("<table><tr><td>1</td></tr></table>", "table-role"),
    ('<p id="x">a</p><p id="x">b</p>', "duplicate-id"),
    ("<p>Tom &amp;amp; Jerry</p>", "unresolved"),
    ("<p>First\\nSecond</p>", "unresolved"),
    ("<p>Hello {name, how are you</p>", "unresolved"),
    ("<p>Hello {first_name}</p>", "unresolved"),
    ("<td>None</td>", "unresolved"),
    ("<p>Lorem ipsum dolor sit amet</p>", "placeholder"),
    ("<p>TODO: say more</p>", "placeholder"),
    ("<p>On Saturday night, February 11, we meet</p>", "wrong-day"),
    ('<div style="display:flex"><p>x</p></div>', "client"),
    ('<p style="font-size:2rem">x</p>', "client"),
    ("<video></video>", "client"),
    ("<form></form>", "client"),
    ("<script>x()</script>", "client"),
    ('<p style="background:url(https://a.example/a.png)">x</p>', "client"),
    ("<style>@import url(https://fonts.example/x.css);</style>", "remote-style"),
    ('<link rel="stylesheet" href="https://fonts.example/x.css">', "remote-style"),
    ("<style>@font-face { font-family: x; src: url('https://fonts.example/x.woff2') }</style>", "remote-style"),
    (LINK.format("https://bit.ly/3x"), "spam"),
    (LINK.format("https://8.8.8.8/x"), "spam"),
    ('<p style="font-size:1px">buy this and that and more</p>', "spam"),
    ('<p style="color:#fff;background:#fff">buy this and that and more</p>', "spam"),
    ("<p>Act now! Limited time: earn money, risk-free. Click here.</p>", "spam"),
    ("<p>Jetzt zugreifen, nur heute: Geld verdienen ohne Risiko. Klicken Sie hier.</p>", "spam"),
]


@pytest.mark.parametrize(("added", "code"), HTML_FAULTS)
def test_a_fault_of_the_html_is_a_warning(added: str, code: str) -> None:
    mail = with_html(added)
    found = [pair for pair in codes(mail) if pair[0] != "lost-link"]
    assert found == [(code, "warning")]
    assert held(mail) == []


ERRORS = [
    (LINK.format("http://localhost:8000/x"), "local-link"),
    (LINK.format("https://127.0.0.1/x"), "local-link"),
    (LINK.format("https://10.1.2.3/x"), "local-link"),
    (LINK.format("https://192.168.0.1/x"), "local-link"),
    (LINK.format("https://[::1]/x"), "local-link"),
    (LINK.format("https://wiki.local/x"), "local-link"),
    (LINK.format("https://wiki.internal/x"), "local-link"),
    (LINK.format("https://blog.test/x"), "local-link"),
    (LINK.format("https://intranet/x"), "local-link"),
    (LINK.format("javascript:alert(1)"), "bad-link"),
    (LINK.format("data:text/html,x"), "bad-link"),
    ("<p>Hello {{ name }}</p>", "unresolved"),
    ("<p>{% if x %}</p>", "unresolved"),
    ("<p>{# nothing #}</p>", "unresolved"),
    ("<p>*|FNAME|*</p>", "unresolved"),
    ("<p>SLOT48656c6cTOLS</p>", "unresolved"),
    (f"<p>{token('nickname')}</p>", "unresolved"),
    ("<p>\x02name</p>", "unresolved"),
    ("<p>" + "word " * 20_000 + "</p>", "mail-size"),
]


@pytest.mark.parametrize(("added", "code"), ERRORS)
def test_what_holds_an_edition_is_an_error(added: str, code: str) -> None:
    mail = with_html(added)
    assert (code, "error") in codes(mail)
    assert held(mail) == [code]


def without(rendered: Rendered, field: str, *words: str) -> Rendered:
    text = getattr(rendered, field)
    for word in words:
        assert word in text
        text = text.replace(word, "")
    return replace(rendered, **{field: text})


UNSUBSCRIBE = token("unsubscribe_url")


@pytest.mark.parametrize(
    ("mail", "code"),
    [
        (replace(good(), subject=" "), "subject"),
        (replace(good(), text=" \n"), "text-part"),
        (without(good(), "text", UNSUBSCRIBE), "lost-unsubscribe"),
        (without(good(), "html", UNSUBSCRIBE), "lost-unsubscribe"),
        (replace(good(), subject="Hello {{ name }}"), "unresolved"),
        (replace(good(), text=good().text + "{{ x }}"), "unresolved"),
    ],
)
def test_what_holds_an_edition_in_its_other_parts(mail: Rendered, code: str) -> None:
    assert (code, "error") in codes(mail)
    assert code in held(mail)


def test_what_the_text_part_lacks_is_named() -> None:
    mail = without(good(), "text", "https://example.org/2\n", "Title 3")
    messages = [problem.message for problem in problems(mail)]
    assert [problem.code for problem in problems(mail)] == ["lost-link", "lost-title"]
    assert "https://example.org/2 " in messages[0]
    assert "'Title 3'" in messages[1]


def test_a_line_that_is_too_long_is_named() -> None:
    assert codes(replace(good(), text=good().text + "x" * 999)) == [("long-line", "warning")]


def test_html_without_a_language_or_title() -> None:
    html = good().html.replace("<title>", "<b>").replace(' lang="en"', "")
    assert {"page-language", "page-title"} <= {code for code, _ in codes(replace(good(), html=html))}


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("Community Digest: " + "word " * 12, "characters"),
        ("NEWS FOR ALL OF YOU", "capitals"),
        ("News for all!!", "marks"),
        ("Re: your question", "answer"),
        ("WG: your question", "answer"),
        ("News 🎉🎉🎉 of the week", "emoji"),
        ("Community Digest 11", "before"),
    ],
)
def test_subjects(subject: str, words: str) -> None:
    made = edition(subject={"*": subject})
    (problem,) = problems(replace(good(), subject=subject), made, before="Community Digest 11")
    assert problem.code == "subject"
    assert words in problem.message


def test_an_automatic_subject_may_hold_a_long_title() -> None:
    assert codes(replace(good(), subject="Security: " + "long " * 15)) == []


@pytest.mark.parametrize(("preheader", "words"), [("", "no preheader"), ("Hello all", "too few"), (None, "repeats")])
def test_preheaders(preheader: str | None, words: str) -> None:
    text = good().subject if preheader is None else preheader
    (problem,) = problems(replace(good(), preheader=text))
    assert (problem.code, problem.severity) == ("preheader", Severity.WARNING)
    assert words in problem.message


def test_a_heavy_mail_names_its_heaviest_entries() -> None:
    heavy = good().html.replace("First sentence of 2.", "First sentence of 2. " + "word " * 17_000)
    assert len(heavy) > 80 * 1024
    (problem,) = problems(replace(good(), html=heavy))
    assert (problem.code, problem.severity) == ("mail-size", Severity.WARNING)
    assert "most of it: 'Title 2' about 8" in problem.message


ABOUT_TEMPLATES = [
    "<p>Write <code>{{ value }}</code> in it.</p>",
    "<pre>{% if x %}</pre><p>A condition.</p>",
]


@pytest.mark.parametrize("html", ABOUT_TEMPLATES)
def test_code_is_not_judged(html: str) -> None:
    plain = html.replace("<code>", "").replace("</code>", "").replace("<pre>", "").replace("</pre>", "")
    made = content(entry(1, texts={"en": EntryText("A title", "https://example.org/1", html)}), entry(2), entry(3))
    mail = replace(with_html(html), text=good().text + plain)
    assert [p.code for p in problems(mail, made) if p.code not in {"lost-title"}] == []
    assert held(mail, made) == []


def test_code_that_an_excerpt_shows_as_words_is_not_judged() -> None:
    html = "<p>Write <code>[x](https://a.example/) TODO: {{ x }}</code> in it.</p>"
    made = content(entry(1, texts={"en": EntryText("A title", "https://example.org/1", html)}), entry(2), entry(3))
    mail = with_html("<p>Write [x](https://a.example/) TODO: {{ x }} in it.</p>")
    assert [p.code for p in problems(mail, made) if p.code != "lost-title"] == []


def test_braces_of_an_entry_are_a_warning_and_hold_nothing() -> None:
    text = EntryText("A title", "https://example.org/1", "<p>We write {{ value }} in it.</p>")
    made = content(entry(1, texts={"en": text}), entry(2), entry(3))
    mail = with_html("<p>We write {{ value }}… more</p>")
    assert [(p.code, p.severity) for p in problems(mail, made) if p.code == "unresolved"] == [
        ("unresolved", Severity.WARNING)
    ]
    assert held(mail, made) == []


def test_links_of_the_site_itself_may_be_local() -> None:
    mail = with_html(LINK.format("http://localhost:8000/x"))
    local = replace(SITE, base_url="http://localhost:8000")
    found = lint_mail(mail, site=local, content=edition(), variant=VARIANT)
    assert [problem for problem in found if problem.code in {"local-link", "staging-link", "http-link"}] == []


def test_an_address_that_a_program_made_a_link_holds_nothing() -> None:
    mail = with_html('<p>Open <a href="http://localhost:3000">http://localhost:3000</a></p>')
    assert next(p for p in problems(mail) if p.code == "local-link").severity is Severity.WARNING
    assert held(mail) == []


def test_weekdays_go_by_the_day_of_the_edition() -> None:
    mail = with_html("<p>Friday, 12 February</p>")  # in 2027
    assert codes(mail) == []
    earlier = edition(slot_at=SLOT_AT - timedelta(days=365))  # 12 February 2026 is a Thursday
    assert [problem.code for problem in problems(mail, earlier)] == ["wrong-day"]


def test_what_only_adds_in_some_programs_is_no_problem() -> None:
    added = (
        "<style>@media (prefers-color-scheme:dark) { .x { display:grid; color: var(--y) } }</style>"
        '<p style="border-radius:4px;text-underline-offset:2px;word-break:break-word;position:relative">x</p>'
    )
    assert codes(with_html(added)) == []


GOOD_LINKS = [
    "https://dev.to/x", "https://testing.googleblog.com/x", "https://dev.azure.com/x", "https://preview.redd.it/a.png",
    "https://web.archive.org/web/2020/https://example.org/x", "https://example.org/x?u=https://example.org/y",
    "https://en.wikipedia.org/wiki/Potsdam_(city)", "https://blog.netlify.app/x", "https://blog.vercel.app/x",
    "https://example.org:443/x", "https://developer.example.org/x", "mailto:a@b.example", "https://1.1.1.1.example.org/",
]  # fmt: skip


@pytest.mark.parametrize("link", GOOD_LINKS)
def test_links_that_are_well(link: str) -> None:
    assert [code for code, _ in codes(with_html(LINK.format(link))) if code != "lost-link"] == []
