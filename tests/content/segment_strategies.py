"""Filters for property tests: trees of conditions as the reader of segments makes them."""

from datetime import date

from hypothesis import strategies as st

from chalicelib.content.segment_reading import CADENCES, STATES, Vocabulary
from chalicelib.content.segments import Ago, Node, Not, Part, all_of, any_of

KNOWN = Vocabulary(
    ("en", "de"), ("security", "news"), ("digest", "alerts"), {"berlin": "tag:berlin or domain ~ berlin.example"}
)
DAYS = st.dates(date(2024, 1, 1), date(2027, 1, 1)) | st.builds(Ago, st.integers(0, 99999))
TEXTS = st.sampled_from(["ada", "Ada", "and", "In", "", 'a "b"', "back\\slash", "ın", "Łódź", "2026-01-01"]) | st.text(
    st.characters(exclude_categories=("Cs",)), max_size=8
)
DOMAINS = st.sampled_from(["example.org", "berlin.example", "example"])
CHOICES = {"language": KNOWN.languages, "cadence": CADENCES, "state": STATES, "newsletter": KNOWN.newsletters}


def one_of(field: str, operators: str, values: st.SearchStrategy[object]) -> st.SearchStrategy[Part]:
    single = st.tuples(values)
    parts = st.builds(Part, st.just(field), st.sampled_from(operators.split()), single)
    if operators == "= !=" and field == "topics":
        return parts
    return parts | st.builds(Part, st.just(field), st.just("in"), st.lists(values, min_size=1, max_size=3).map(tuple))


CONDITIONS: st.SearchStrategy[Part] = st.one_of(
    *(one_of(field, "= !=", st.sampled_from(words)) for field, words in CHOICES.items()),
    one_of("topics", "= !=", st.just("all")),
    one_of("name", "= != ~", TEXTS),
    one_of("domain", "= != ~", DOMAINS),
    one_of("joined", "= != < <= > >=", DAYS),
    st.just(Part("paused")),
    st.builds(Part, st.just("topic"), st.just(":"), st.tuples(st.sampled_from(KNOWN.topics))),
    st.builds(Part, st.sampled_from(["tag", "opened-survey"]), st.just(":"), st.tuples(TEXTS.filter(bool))),
)


def _wider(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=2, max_size=3)
    return st.builds(Not, inner) | several.map(all_of) | several.map(any_of)


TREES: st.SearchStrategy[Node] = st.recursive(CONDITIONS, _wider, max_leaves=8)
