"""Stories that a digest lists in its front matter, as Markdown: mappings with a title, a link and a text, in lists."""

import re
from collections.abc import Iterator, Mapping

from chalicelib.content.fields import LANGUAGE_TAG, Fields
from chalicelib.content.yamldoc import Node

_TITLES = ("title", "headline", "name", "label")
_LINKS = ("link", "url", "href", "permalink", "source")
_TEXTS = ("text", "body", "summary", "description", "teaser", "content", "excerpt", "intro", "details")
_NO_STORIES = frozenset({
    "aliases", "author", "authors", "avatar", "build", "categories", "category", "cover", "header", "image", "images",
    "keywords", "menu", "params", "redirect_from", "resources", "seo", "sidebar", "sitemap", "tags", "topics",
})  # fmt: skip


def stories(fields: Fields, language: str) -> str:
    """All stories of the front matter, in its order: each a heading with its text, those below it a list.

    A story without title, link and text is a problem with its line, and left out. Of a text for each language, that of
    ``language`` is taken, else the first.
    """
    blocks: list[str] = []
    for key in fields.keys():
        node = None if key.lower() in {*_NO_STORIES, *_TITLES} else fields.node(key)
        if node and key.lower() in _TEXTS:
            blocks.append(said(node, language))
        elif node and isinstance(node.value, list | dict):
            blocks += _section(fields, node, language)
    return "\n\n".join(block for block in blocks if block)


def _section(fields: Fields, node: Node, language: str) -> Iterator[str]:
    for item in node.value if isinstance(node.value, list) else [node]:
        if isinstance(item.value, str):
            yield f"- {_line(item.value)}"
        elif isinstance(item.value, dict):
            yield from _story(fields, item, language)


def _story(fields: Fields, item: Node, language: str) -> Iterator[str]:
    story = item.value if isinstance(item.value, dict) else {}
    title, link, text = (_of(story, keys, language) for keys in (_TITLES, _LINKS, _TEXTS))
    below = [child for child in story.values() if isinstance(child.value, list)]
    if not (title or link or text or below):
        message = "a story without title, link and text; it is left out"
        fields.problems.warning(fields.file, item.line, "empty-story", message)
    if title or link:
        yield f"## {_linked(title, link)}"
    yield text
    lines = [line for child in below for line in _lines(child, language, 0)]
    yield "\n".join(lines)


def _lines(node: Node, language: str, depth: int) -> Iterator[str]:
    for item in node.value if isinstance(node.value, list) else ():
        if isinstance(item.value, str):
            yield f"{'  ' * depth}- {_line(item.value)}"
        elif isinstance(item.value, dict):
            title, link, text = (_of(item.value, keys, language) for keys in (_TITLES, _LINKS, _TEXTS))
            said = " – ".join(part for part in (_linked(title, link), _line(text)) if part)
            if said:
                yield f"{'  ' * depth}- {said}"
            for child in item.value.values():
                yield from _lines(child, language, depth + 1)


def said(node: Node | None, language: str) -> str:
    """A text, or of texts by language that of ``language``, else the first; '' for anything else."""
    value = node.value if node else None
    if isinstance(value, dict) and value and all(LANGUAGE_TAG.match(tag) for tag in value):
        value = value[language if language in value else next(iter(value))].value
    return value.strip() if isinstance(value, str) else ""


def _of(story: Mapping[str, Node], keys: tuple[str, ...], language: str) -> str:
    return next((text for key in keys if (text := said(story.get(key), language))), "")


def _linked(title: str, link: str) -> str:
    words = _line(title)
    if not link or re.search(r"[\s<>]", link):
        return words
    return f"[{words.replace('[', '(').replace(']', ')')}]({link})" if words else f"<{link}>"


def _line(text: str) -> str:
    return " ".join(text.split())
