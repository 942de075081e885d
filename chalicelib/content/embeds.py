"""Pictures, videos and the like that shortcodes name, as Markdown: a picture, or a link to where it can be seen."""

import re
from collections.abc import Mapping

_ARGUMENT = re.compile(
    r"""([\w-]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|`([^`]*+)`|([^\s"'`]++))|"([^"]*+)"|'([^']*+)'|([^\s"'`]++)"""
)
_YOUTUBE = "https://www.youtube.com/watch?v={}"
_POST = "https://twitter.com/i/status/{}"
_PLACES = {
    "asciinema": "https://asciinema.org/a/{}", "audio": "{}", "codepen": "{}", "gist": "https://gist.github.com/{}",
    "instagram": "https://www.instagram.com/p/{}/", "peertube": "{}", "tweet": _POST, "twitter": _POST, "video": "{}",
    "vimeo": "https://vimeo.com/{}", "x": _POST, "youtube": _YOUTUBE, "youtube_id": _YOUTUBE, "yt": _YOUTUBE,
}  # fmt: skip
_PICTURE = re.compile(r"(?:figure|fig|image|img|picture|photo|screenshot)s?")
_SOURCES = ("src", "url", "image_path", "image_url", "image", "img", "file", "path", "filename")
_CAPTIONS = ("caption", "title", "description")
_HEADED = frozenset({"accordion", "collapse", "details", "expand", "spoiler", "tab"})
_HEADINGS = ("summary", "title", "name", "header", "label")
_ID = re.compile(r"[\w./@-]{1,100}")
_WEB = re.compile(r"https?://[^\s<>\"'(){}]{1,1000}")


def arguments(rest: str) -> tuple[Mapping[str, str], list[str]]:
    """What follows a shortcode's name: by key (in small letters), and by place."""
    named: dict[str, str] = {}
    placed: list[str] = []
    for key, *values in _ARGUMENT.findall(rest):
        text = next((value for value in values if value), "")
        if key:
            named.setdefault(key.lower(), text)
        else:
            placed.append(text)
    return named, placed


def embedded(name: str, rest: str) -> str:
    """Markdown for a shortcode that shows something by itself, or begins a block with a heading; '' for others."""
    named, placed = arguments(rest)
    if name.startswith("include") and placed:
        name, placed = placed[0].rsplit("/", 1)[-1].split(".")[0].lower(), placed[1:]
    if _PICTURE.fullmatch(name):
        return _picture(named, placed)
    if name in _HEADED:
        heading = _flat(next((named[key] for key in _HEADINGS if named.get(key)), placed[0] if placed else ""))
        return f"**{heading}**\n\n" if heading else ""
    return _link(name, named, placed) if name in _PLACES else ""


def _picture(named: Mapping[str, str], placed: list[str]) -> str:
    source = next((named[key] for key in _SOURCES if named.get(key)), placed[0] if placed else "")
    caption = _flat(next((named[key] for key in _CAPTIONS if named.get(key)), ""))
    shown = f"*{caption}*" if caption else ""
    if not re.fullmatch(r"[^\s<>{}]+", source):
        return shown
    return f"![{_flat(named.get('alt', '')) or caption}](<{source}>)" + (f"\n{shown}" if shown else "")


def _link(name: str, named: Mapping[str, str], placed: list[str]) -> str:
    what = next((named[key] for key in ("id", "url", "src") if named.get(key)), "")
    if not what and placed:  # a gist's are its owner and its id, a post's its author and its id
        what = "/".join(placed[:2]) if name == "gist" else placed[-1] if _PLACES[name] is _POST else placed[0]
    url = what if _WEB.fullmatch(what) else _PLACES[name].format(what) if _ID.fullmatch(what) else ""
    return f"[{_flat(named.get('title', '')) or url}]({url})" if _WEB.fullmatch(url) else ""


def _flat(text: str) -> str:
    """Text as it may stand in brackets, on one line."""
    return " ".join(re.sub(r"[\[\]{}*]", " ", text).split())
