# ruff: noqa: E501
"""What the renderer refuses is always found and placed, whatever the document looks like."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.lint.mjml import lint_mjml
from chalicelib.render.mjml import MjmlError, read_mjml, to_html
from chalicelib.render.mjml_structure import first_refusal
from tests.corpus import CORPUS

BASE = (
    "<mjml>", "<mj-head>", "<mj-attributes>", "<mj-all />", "</mj-attributes>", "<mj-title>", "t", "</mj-title>",
    "</mj-head>", "<mj-body>", "<mj-section>", "<mj-column>", "<mj-text>", "hello", "</mj-text>",
    '<mj-image src="x" alt="" />', "</mj-column>", "</mj-section>", "</mj-body>", "</mjml>",
)  # fmt: skip
PIECES = (
    "foo", " ", "\n", "\t", "\r\n", "<!-- c -->", "<!-- a -- b -->", "<!--->", "<!---->", "<!-- x", "-->", "&amp;", "&",
    "<", ">", "a < b", "</", "<>", "< b>", "</ b>", "<b/>", "<p>", "</p>", '"', "'", "=", "/>", "<![CDATA[x]]>", "]]>",
    "<?x?>", "<!DOCTYPE x>", "<!x>", "\x00", "\ufeff", "é", "<b x></b>", "<b x=></b>", "<b x=1></b>", '<b x="1"></b>',
    '<b x="1"y="2"></b>', '<b x="a\nb"></b>', '<b @x="1"></b>', '<b x:y="1"></b>', "<1>", "<b1></b1>", "<b(></b(>",
    "</b x>", "<br>", "<br/>", "</br>", "<BR>", "<!--[if mso]>", "<!--[if", "<![endif]-->", "<![endif]",
    "<!--[if !mso]><!-->", "<!--<![endif]-->", "<mj-style>.a > b{}</mj-style>", '<mj-class name="a" />', "<mj-class />",
    "<mj-raw>", "</mj-raw>", "<style>a{}</style>", "<script>if (a<b) x</script>", "<mj-include path='x' />", "<mj-foo />",
    "<mj-carousel>", "<mj-button>x</mj-button>", "<mj-navbar> </mj-navbar>", "<mj-divider>x</mj-divider>", "<mj-body />",
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> str:
    pieces = list(BASE)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(pieces)))
        if draw(st.booleans()) and at < len(pieces):
            del pieces[at]
        pieces.insert(at, draw(st.sampled_from(PIECES)))
    return "".join(pieces)


@settings(max_examples=400, deadline=None)
@given(documents())
@example("".join(BASE))
def test_what_the_renderer_refuses_is_found(source):
    try:
        to_html(source)
    except MjmlError:
        assert first_refusal(source)
        assert lint_mjml(source, "x.mjml")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/!-[]ab ='\"\n\x00&?", max_size=80))
def test_reading_never_fails(source):
    found = read_mjml(source)
    assert all(0 <= fault.offset <= len(source) for fault in found.faults)
    lint_mjml(source, "x.mjml")


def test_the_document_that_all_others_come_from_is_right():
    assert first_refusal("".join(BASE)) is None
    assert to_html("".join(BASE))


PROBES = CORPUS / "mjml-probes"
NOTHING_WRONG = {
    "accordion", "attr-ampersand", "attr-entities-quot", "breakpoint", "dark-mode", "hero", "lang-dir",
    "mj-class-vs-all", "mj-table", "navbar", "raw-body", "text-comment", "text-entities", "text-mso", "text-pre-ws",
    "text-script",
}  # fmt: skip
"""Those that both programs render alike, pixel by pixel, and that hold no mistake; each other one is to be named."""


@pytest.mark.skipif(not PROBES.is_dir(), reason="the corpus of MJML documents is not beside the checkout")
def test_each_probe_that_differs_is_named_and_no_other():
    probes = sorted(PROBES.glob("*.mjml"))
    assert len(probes) > 60
    silent = {path.stem for path in probes if not lint_mjml(path.read_text("utf-8"), path.name)}
    assert silent == NOTHING_WRONG
