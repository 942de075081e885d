"""Mojibake: UTF-8 that somebody read as Mac Roman, Windows-1252 or Latin-1, once or twice, put right again.

The work is ftfy's, which looks for sequences that no language writes and touches nothing else: no quotes, no
ligatures, no width of letters. It is asked, and loaded, only where a text holds a pair of characters that could be
such a sequence. Mac Roman's ``√§`` for ``ä`` it leaves, since a root may stand before most things: within a word
it is none.
"""

import re

MAX_CHARS = 200_000
"""Longer texts stay as they are: a microsecond for each character adds up."""
_SUSPECT = re.compile(
    "[\x80-\x9f]"  # controls that Latin-1 makes of Windows-1252's quotes and of the tails of UTF-8
    "|[\xc2-\xf4ĂÄŤĘĹÎÏ√¬‚ƒ≈∆«»…ÀÃÕŒ–—“”‘’÷◊\uf8ff┬├╬╧╨╤][^\x00-\x7f]"  # first and second byte of a letter
    "|[\xc2\xc3][ \xa0]"  # its second was a hard space
)
_LETTER = r"[^\W\d_]"
_MAC_ROMAN = re.compile(rf"(?<={_LETTER})√[Ññúü§∂º©®™¢ß]|√[Ññúü§∂º©®™¢ß](?={_LETTER})")
"""A root within a word: what UTF-8 makes of ÄÖÜßäöü and of the French accents. None of them is under a root."""
_FAR = re.compile("[\u0700-\u07ff]")
"""Syriac to N'Ko, which Windows-1252's ``ß–`` and ``Ü“`` would be the bytes of."""


def repaired(text: str) -> str:
    """The text as it was meant. What is in order comes back unchanged, and what can't be told."""
    if text.isascii() or len(text) > MAX_CHARS or not _SUSPECT.search(text):
        return text
    import ftfy  # 50 ms: only where a text looks like it
    from ftfy.badness import is_bad

    fixed = _MAC_ROMAN.sub(_letter, ftfy.fix_encoding(text))
    far = _FAR.search(fixed)
    if not far and not is_bad(fixed):
        return fixed
    # One letter of another alphabet hides the encoding of the whole, or comes of it; words tell each for itself.
    words = re.split(r"(?<=\s)(?=\S)|(?<=\S)(?=\s)|(?=[<>&])", _MAC_ROMAN.sub(_letter, text) if far else fixed)
    return "".join(map(_word, words))


def _word(word: str) -> str:
    import ftfy

    fixed = ftfy.fix_encoding(word)
    return word if _FAR.search(fixed) else fixed


def _letter(found: re.Match[str]) -> str:
    try:
        return found[0].encode("mac_roman").decode()
    except UnicodeError:
        return found[0]
