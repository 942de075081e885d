"""What language a text is really in, whatever folder it lies in: judged among the site's languages, or not at all."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

ENOUGH = 20
"""Letters: of less text nothing can be said."""
SURE = 0.9
BLOCK = 400
MAX_WORD = 50
MAX_BLOCKS = 6
MOSTLY, MISFILED = 0.75, 0.8
"""Shares of a text that a language must have: to be the text's at all, and against the language it is filed under."""
MAX_TEXT = 50_000
SHINGLE = 4
ALIKE = 0.9

_ASIDE = (("<!--", "-->"), ("<pre", "</pre>"), ("<code", "</code>"), ("<blockquote", "</blockquote>"))
_NO_PROSE = re.compile(
    r"\{%[^{}]{0,300}%\}|\{\{[^{}]{0,300}\}\}|`[^`\n]{1,300}`|https?://\S+|\]\([^()\s]{1,500}[^()\n]{0,200}\)|<[^<>]{1,500}>"
)
_LETTERS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def detect(text: str, languages: Sequence[str]) -> str | None:
    """Which of the languages a text is in; None where it is too short, mixed, or no data is there for them.

    Takes Markdown, plain text or HTML. The same text always gives the same answer.
    """
    if len(languages) < 2:
        return None
    shares = _shares(tuple(_blocks(prose(text))), tuple(languages))
    best = max(shares, key=lambda tag: shares[tag], default=None)
    return best if best and shares[best] >= MOSTLY else None


def misfiled(text: str, filed: str, languages: Sequence[str]) -> str | None:
    """The language a text filed under another is really in; None where it may well be what it is filed as.

    A translation with quotes, code and many foreign words stays one: hardly anything of it must be in ``filed``.
    """
    shares = _shares(tuple(_blocks(prose(text))), tuple(languages))
    best = max(shares, key=lambda tag: shares[tag], default=filed)
    return None if best == filed or shares[best] < MISFILED else best


def same_text(one: str, other: str) -> bool:
    """Whether two texts are one with small edits at most; case, spaces, code, quotes and links don't count."""
    words, others = _words(one), _words(other)
    if not words or words == others:
        return bool(words)
    shingles, theirs = _shingles(words), _shingles(others)
    return len(shingles & theirs) >= ALIKE * max(len(shingles), len(theirs)) > 0


def prose(text: str) -> str:
    """What a person wrote in whole sentences: without code, quotes, links, tags."""
    kept: list[str] = []
    fence = ""
    for line in text[:MAX_TEXT].splitlines():
        bare = line.strip()
        mark = bare[:3] if bare[:3] in {"```", "~~~"} else ""
        if fence or mark:
            fence = "" if fence and bare.startswith(fence) else fence or mark
        elif not bare.startswith((">", "|", "[^", "{:")) and not line.startswith(("    ", "\t")):
            kept.append(line)
    rest = "\n".join(kept)
    for begin, end in _ASIDE:
        rest = _without(rest, begin, end)
    return _NO_PROSE.sub(" ", rest)


def _without(text: str, begin: str, end: str) -> str:
    """Without what stands between two marks; what is never closed stays."""
    kept, position = list[str](), 0
    while (start := text.find(begin, position)) >= 0 and (stop := text.find(end, start)) >= 0:
        kept.append(text[position:start])
        position = stop + len(end)
    return " ".join([*kept, text[position:]])


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in _LETTERS.findall(prose(text)))


def _shingles(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {words[start : start + SHINGLE] for start in range(len(words) - SHINGLE + 1)}


@lru_cache(maxsize=1024)
def _shares(blocks: tuple[str, ...], languages: tuple[str, ...]) -> dict[str, float]:
    """How much of a text is in which language, from some of its blocks; empty where nothing is sure."""
    factory = _factory(languages) if blocks else None
    if factory is None:
        return {}
    letters: dict[str, int] = {}
    for block in blocks:
        if tag := _judge(block, factory):
            letters[tag] = letters.get(tag, 0) + len(block)
    total = sum(letters.values())
    names = {tag.split("-")[0].lower(): tag for tag in reversed(languages)}
    return {names[tag.split("-")[0]]: count / total for tag, count in letters.items()}


def _blocks(text: str) -> list[str]:
    """Some hundred letters each, spread over all of the text."""
    words = [word for word in _LETTERS.findall(text) if len(word) <= MAX_WORD]
    blocks, block, size = list[str](), list[str](), 0
    for word in words:
        block.append(word)
        size += len(word)
        if size >= BLOCK:
            blocks.append(" ".join(block))
            block, size = [], 0
    if size >= (ENOUGH if not blocks else BLOCK // 2):
        blocks.append(" ".join(block))
    step = max(1, len(blocks) / MAX_BLOCKS)
    return [blocks[int(number * step)] for number in range(min(len(blocks), MAX_BLOCKS))]


def _judge(text: str, factory: Any) -> str | None:
    from langdetect.lang_detect_exception import LangDetectException

    detector = factory.create()
    detector.n_trial = 3
    detector.append(text)
    try:
        best = detector.get_probabilities()[:1]
    except LangDetectException:  # no letters that any of the languages has
        return None
    return str(best[0].lang) if best and best[0].prob >= SURE else None


@cache
def _factory(languages: tuple[str, ...]) -> Any:
    """langdetect with the site's languages alone; None where it has data for less than two of them.

    Its chance is seeded, so that it gives the same answer each time.
    """
    from langdetect.detector_factory import DetectorFactory  # 15 ms, and 10 for each language: only where it is needed

    folder = resources.files("langdetect") / "profiles"
    names = dict.fromkeys(tag.split("-")[0].lower() for tag in languages)
    files = [folder / {"zh": "zh-cn"}.get(name, name) for name in names if name.isalpha()]
    profiles = [file.read_text("utf-8") for file in files if file.is_file()]
    if len(profiles) < 2:
        return None
    factory = DetectorFactory()
    factory.seed = 0
    factory.load_json_profile(profiles)
    return factory
