"""What language a text is really in: short, mixed, copied, full of code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collect import languages
from chalicelib.collect.languages import detect, misfiled, prose, same_text

BOTH = ("en", "de")
ENGLISH = (
    "The fifth release upgrades a running cloud in place. Operators no longer need to build a second one beside it, "
    "and nobody has to work at night. We thank everybody who tested the candidates over the last weeks."
)
GERMAN = (
    "Die fünfte Ausgabe erneuert eine laufende Cloud an Ort und Stelle. Betreiber müssen keine zweite daneben bauen, "
    "und niemand muss nachts arbeiten. Wir danken allen, die in den letzten Wochen die Vorabversionen geprüft haben."
)
FRENCH = (
    "La cinquième version met à jour un nuage en marche. Les exploitants n'ont plus besoin d'en construire un second, "
    "et personne ne doit travailler la nuit. Nous remercions tous ceux qui ont essayé les versions préliminaires."
)
CODE = "```sh\n" + "\n".join(f"# {line}" for line in ENGLISH.split(". ")) + "\nkubectl get nodes --all\n```\n"
QUOTE = "".join(f"> {part}.\n" for part in ENGLISH.split(". "))


@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (GERMAN, "de"), (FRENCH, "fr")])
def test_plain_texts(text: str, language: str) -> None:
    languages = ("en", "de", "fr")
    assert detect(text, languages) == language
    assert detect(text, languages[::-1]) == language
    assert detect(f"<p>{text}</p><p>{text}</p>", languages) == language
    for filed in languages:
        assert misfiled(text, filed, languages) == (None if filed == language else language)


@pytest.mark.parametrize(
    "text",
    ["", "Release 5", "12345 67890 12345 67890", "https://example.org/a-very-long-way", CODE, "Щодо війни " * 30],
)
def test_what_says_nothing_stays_where_it_is_filed(text: str) -> None:
    assert detect(text, BOTH) is None
    assert misfiled(text, "de", BOTH) is None
    assert misfiled(text, "en", BOTH) is None


def test_the_answer_is_the_same_each_time() -> None:
    words = (
        "Cluster Stack Container Registry Migration Upgrade Rollout im Herbst Feature Freeze Community Sprint in Bonn"
    )
    titles = [" ".join(words.split()[n : n + 5]) for n in range(12)]
    answers = set()
    for _ in range(12):
        languages._shares.cache_clear()
        answers.add(tuple(detect(title, BOTH) for title in titles))
    assert len(answers) == 1


def test_a_quarter_in_its_language_keeps_a_text_where_it_is_filed() -> None:
    english = [" ".join(f"{n}. {ENGLISH}" for n in range(3))] * 3
    assert misfiled("\n\n".join(english), "de", BOTH) == "en"
    quarter = " ".join([GERMAN] * 3)
    mixed = "\n\n".join([quarter, *english[:2]])
    assert misfiled(mixed, "de", BOTH) is None


@pytest.mark.parametrize(
    "text",
    [
        f"{GERMAN}\n\n{CODE}\n{CODE}",
        f"{GERMAN}\n\n{QUOTE}\n{QUOTE}\n{QUOTE}",
        f"{GERMAN}\n\n| {ENGLISH} |\n| {ENGLISH} |\n",
        f"{GERMAN}\n\n<pre>{ENGLISH}</pre><blockquote>{ENGLISH}</blockquote>",
        "Das Upgrade der Container Registry auf das Harbor Release 2.8 mit Keycloak, Trivy Scanner und Cosign wurde im "
        "Rahmen des Sprint Reviews von den Teams Container und IaaS erfolgreich getestet, der Rollout des Cluster "
        "Stack Operator folgt nach dem Feature Freeze im Community Hackathon.",
        f"{ENGLISH}\n\n{GERMAN}\n\n{GERMAN}",
        f"{GERMAN}\n\n{ENGLISH}\n\n{ENGLISH}",
    ],
)
def test_a_translation_with_much_that_is_foreign_stays_one(text: str) -> None:
    assert misfiled(text, "de", BOTH) is None


def test_a_translated_title_over_a_foreign_text_is_no_translation() -> None:
    text = "# Die fünfte Ausgabe ist da\n\n" + "\n\n".join([ENGLISH] * 4)
    assert misfiled(text, "de", BOTH) == "en"


@pytest.mark.parametrize("languages", [("en",), ("en", "xx"), ("tlh", "en"), (), ("../en", "de")])
def test_languages_without_data_are_not_judged(languages: tuple[str, ...]) -> None:
    assert detect(GERMAN, languages) is None
    assert misfiled(GERMAN, "en", languages) is None


def test_languages_with_regions() -> None:
    assert detect(GERMAN, ("en-GB", "de-AT")) == "de-AT"
    assert misfiled(ENGLISH, "de-AT", ("en-GB", "de-AT")) == "en-GB"
    assert detect(ENGLISH, ("de", "zh-TW", "en")) == "en"


@pytest.mark.parametrize(
    "edited",
    [
        ENGLISH,
        f"\n\n{ENGLISH}\n",
        ENGLISH.upper(),
        ENGLISH.replace(" ", "\n  "),
        f"{ENGLISH} ![](https://example.org/de.png)",
        f"{ENGLISH}\n{CODE}",
        f"{ENGLISH.replace('fifth', '5th')}",
        f"{ENGLISH} Mehr.",
    ],
)
def test_a_copy_with_small_edits_is_the_same_text(edited: str) -> None:
    assert same_text(ENGLISH, edited)
    assert same_text(edited, ENGLISH)


def test_other_texts_are_not_the_same() -> None:
    assert not same_text(ENGLISH, GERMAN)
    assert not same_text(ENGLISH, ENGLISH + " " + ENGLISH.replace("release", "summit").replace("cloud", "meeting"))
    assert not same_text("", "")
    assert not same_text(CODE, CODE)  # nothing that a person would translate
    assert same_text("Short", "short")
    assert not same_text("Short", "Long")


@pytest.mark.parametrize("opened", ["```", "~~~"])
def test_prose_leaves_code_out(opened: str) -> None:
    assert prose(f"one\n{opened}sh\ntwo\n{opened}\nthree `four` five").split() == ["one", "three", "five"]
    assert prose(f"one\n{opened}\ntwo").split() == ["one"]
    assert prose("[seen](https://a.example.org/unseen) {% include unseen.html %} {{ page.unseen }}").split() == [
        "[seen"
    ]


@pytest.mark.timeout(60)  # a guard against what is not linear, no measure
@pytest.mark.parametrize("piece", ["<", "<!--", "{%", "{{", "`", "](", "<pre>", "```\n", "> ", "a", "\x00", "ä-"])
def test_hostile_texts_take_no_time(piece: str) -> None:
    text = piece * 60_000
    detect(text, BOTH)
    misfiled(text, "de", BOTH)
    same_text(text, text + "x")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_one_of_the_languages_or_none(text: str) -> None:
    assert detect(text, BOTH) in {"en", "de", None}
    assert misfiled(text, "de", BOTH) in {"en", None}
