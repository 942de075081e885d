"""Shortcodes of Liquid (Jekyll), Hugo, kramdown, MDX (Docusaurus) and Pelican taken out of Markdown.

What is known becomes Markdown: listings, pictures, videos as links. Of the rest the marks go and the words between them
stay, save a loop over data that only the generator has. Code keeps what it shows. Outside of code ``{{ value }}`` goes
too: only Jekyll has use for it there, to be filled in, and whoever writes about templates puts it in backticks, in a
fence or between {% raw %} and {% endraw %}.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from chalicelib.content.embeds import embedded
from chalicelib.content.pieces import Part, Piece, Pieces

GONE = "\x00"
"""Where something was taken out: a line with nothing else goes with it."""
_ANY = re.compile(r"\{|:::|</?[A-Z]|^(?:import|export)\s|^\[|^\*\[", re.MULTILINE)
_BRACE = re.compile(r"\{(?=[{%:#/<])")
_RAW = re.compile(r"\{%-?\s*+raw\s*+-?%\}\n?(.*?)\{%-?\s*+endraw\s*+-?%\}", re.DOTALL)
_SHOWN = re.compile(r"(\{\{[<%])/\*([^*\n]*+)\*/([>%]\}\})")
_TICKS = re.compile(r"`+")
_PELICAN = re.compile(r"""(\]\(<?|(?:src|href)=["'])(?:\{(?:static|attach|photo)\}|\|(?:static|attach)\|)/?""")
_PELICAN_PAGE = re.compile(r"""(\]\(<?|href=["'])[{|](?:filename|author|category|tag|index)[}|][^)\s>"']*+""")
_LITERAL = re.compile(r"""\s*+(?:"([^"]*+)"|'([^']*+)')\s*+\Z""")
BLOCKS = frozenset({"for", "tablerow", "if", "unless", "case", "capture"})
BRANCHES = frozenset({"else", "elsif", "when"})


def without_shortcodes(text: str) -> str:
    """Markdown as any reader of Markdown takes it. What it gives, it leaves as it is."""
    if not _ANY.search(text):
        return text
    pieces = list(Pieces(text.replace(GONE, "")))
    return closed_up("".join(_rendered(pieces)))


def one_line_without_shortcodes(text: str) -> str:
    """A title or summary without tags; ``{{ value }}`` stays, as no generator fills in front matter."""
    if "{" not in text:
        return text
    kept = (p.written for p in Pieces(text) if p.part not in {Part.TAG, Part.HUGO} and not _is_mark(p))
    return " ".join("".join(kept).split()) or text


def _is_mark(piece: Piece) -> bool:
    return piece.part is Part.NOTHING and piece.written.lstrip().startswith("{")


def structure(pieces: Sequence[Piece]) -> tuple[dict[int, int], dict[int, int]]:
    """For each opening tag or branch of a closed block: where the block ends, and its next branch or end."""
    ends: dict[int, int] = {}
    following: dict[int, int] = {}
    opened: list[list[int]] = []
    for number, piece in enumerate(pieces):
        if piece.part is not Part.TAG:
            continue
        if piece.name in BLOCKS:
            opened.append([number])
        elif piece.name in BRANCHES and opened:
            opened[-1].append(number)
        elif opened and piece.name == f"end{pieces[opened[-1][0]].name}":
            marks = [*opened.pop(), number]
            ends.update(dict.fromkeys(marks[:-1], number))
            following.update(pairwise(marks))
    return ends, following


def _rendered(pieces: Sequence[Piece]) -> Iterator[str]:
    """Of a condition the first branch stays; a loop, a case's head and a capture go with what they hold."""
    ends, following = structure(pieces)
    number, passed_over = 0, False
    while number < len(pieces):
        piece = pieces[number]
        if number not in ends:
            yield _RENDER[piece.part](piece)
            passed_over = passed_over and piece.part is not Part.TAG
            number += 1
        elif piece.name in BRANCHES and not passed_over:
            number = ends[number]  # the branch before it stays
        else:
            passed_over = piece.name not in {"if", "unless", *BRANCHES}
            yield GONE
            number = following[number] if passed_over else number + 1


def _text(piece: Piece) -> str:
    if "{" not in piece.written and "|" not in piece.written:
        return piece.written
    return _PELICAN_PAGE.sub(r"\1", _PELICAN.sub(r"\1/", piece.written))


def shown(code: str) -> str:
    """Code as readers see it: without Liquid's {% raw %} around it, with Hugo's escapes undone."""
    last = code.rfind("endraw")
    if last >= 0:
        end = code.find("%}", last) + 2
        code = _RAW.sub(r"\1", code[:end]) + code[end:]
    return _SHOWN.sub(r"\1\2\3", code)


def literal(text: str) -> str:
    """Markdown in which braces outside of code are what they are, also to this module."""
    parts = (shown(p.written) if p.part is Part.CODE else _BRACE.sub("&#123;", p.written) for p in Pieces(text))
    return "".join(parts)


def _listing(piece: Piece) -> str:
    code = shown(piece.rest).strip("\n")
    fence = "`" * max(3, 1 + max((len(ticks) for ticks in _TICKS.findall(code)), default=0))
    return f"\n\n{fence}{piece.name}\n{code}\n{fence}\n\n"


def _output(piece: Piece) -> str:
    written = _LITERAL.match(piece.rest.split("|")[0])
    return literal(written[1] or written[2] or "") if written else GONE


def _tag(piece: Piece) -> str:
    return embedded(piece.name, piece.rest) or GONE


_RENDER: dict[Part, Callable[[Piece], str]] = {
    Part.TEXT: _text,
    Part.CODE: lambda piece: shown(piece.written),
    Part.RAW: lambda piece: literal(piece.rest),
    Part.LISTING: _listing,
    Part.NOTHING: lambda piece: piece.rest or GONE,
    Part.TAG: _tag,
    Part.OUTPUT: _output,
    Part.HUGO: _tag,
}


def closed_up(text: str) -> str:
    """Without the marks of what is gone. A line that held nothing else is blank, or gone where a blank one would end
    an HTML block: above a line that is indented or begins with a tag.
    """
    if GONE not in text:
        return text
    lines: list[str] = []
    following = ""
    for line in reversed(text.split("\n")):
        kept = line.replace(GONE, "")
        if kept == line or kept.strip():
            following = kept
            lines.append(kept)
        elif not following.startswith((" ", "\t", "<")):
            lines.append("")
    return "\n".join(reversed(lines))
