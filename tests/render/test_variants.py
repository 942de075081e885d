import pytest

from chalicelib.compose.edition import EditionSection
from chalicelib.render.variants import Variant, variant_for
from tests.render.values import content, entry

NEWS, SECURITY = entry(1, topics=("news",)), entry(2, topics=("security", "news"))
NONE = entry(3, topics=())
EDITION = content(NEWS, SECURITY, NONE)


def chosen(topics: frozenset[str] | None, language: str = "en") -> Variant | None:
    return variant_for(EDITION, ("en", "de"), "en", language, topics)


@pytest.mark.parametrize(
    ("topics", "expected"),
    [
        (None, (NEWS.id, SECURITY.id, NONE.id)),
        (frozenset({"news"}), (NEWS.id, SECURITY.id)),
        (frozenset({"security", "other"}), (SECURITY.id,)),
    ],
)
def test_an_entry_is_shown_where_any_of_its_topics_is_chosen(topics, expected):
    variant = chosen(topics)
    assert variant
    assert variant.entry_ids == expected


@pytest.mark.parametrize("topics", [frozenset(), frozenset({"other"})])
def test_nothing_chosen_is_no_variant(topics):
    assert chosen(topics) is None


def test_a_note_without_entries_is_for_everybody():
    assert variant_for(content(), ("en",), "en", "en", frozenset({"news"})) == Variant("en", ())


@pytest.mark.parametrize(("asked", "given"), [("de", "de"), ("DE", "de"), ("de-AT", "de"), ("fr", "en"), ("", "en")])
def test_readers_get_a_language_the_site_has(asked, given):
    variant = chosen(None, asked)
    assert variant
    assert variant.language == given


def test_the_highlight_comes_first_and_once():
    edition = content(NEWS, highlight=NEWS, sections=(EditionSection({}, (SECURITY, NEWS)),))
    variant = variant_for(edition, ("en",), "en", "en", None)
    assert variant
    assert variant.entry_ids == (NEWS.id, SECURITY.id)


def test_keys_are_stable_and_tell_variants_apart():
    assert Variant("en", ("a", "b")).key == "en-b9789c2a03"
    others = [("en", ("a",)), ("en", ("b", "a")), ("de", ("a", "b")), ("en", ()), ("en", ("ab",))]
    assert len({Variant(*other).key for other in others} | {Variant("en", ("a", "b")).key}) == 6
