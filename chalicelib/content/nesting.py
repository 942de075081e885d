"""How deep HTML nests, bounded from above in one pass over it.

nh3 takes time with the square of the depth, and MJML dies of it: whoever hides the depth (closing tags in
comments, attributes or scripts, or ones that close nothing) must not get past. So only a closing tag of what
was opened last counts, and from the first markup that a browser might read otherwise none counts at all.
"""

import re

_TOKEN = re.compile(
    r"<(?:/(?P<closed>[a-z][a-z0-9-]*)\s*+>"
    r"|(?P<opened>[a-z][a-z0-9-]*)"
    r"""(?:\s++[^\s"'<>/=]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'=<>`]++))?+)*+\s*+/?>)""",
    re.IGNORECASE,
)
_OPENING = re.compile(r"<([a-zA-Z][a-zA-Z0-9-]*)")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_CLOSED_BY_THE_NEXT = frozenset(["dd", "dt", "li", "option", "p", "tbody", "td", "tfoot", "th", "thead", "tr"])
_FLAT = _VOID | _CLOSED_BY_THE_NEXT
_RAW = frozenset(["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"])
_OTHER_RULES = frozenset(["math", "noscript", "plaintext", "select", "svg", "template"])


def nesting(html: str) -> tuple[int, int]:
    """An upper bound of the depth, and the number of opening tags.

    Of what the next one of its kind closes by itself (paragraphs, items, cells) no depth is counted: each needs
    a counted element around it to nest, so that the real depth is at most six times the bound.
    """
    stack: list[str] = []
    deepest = tags = at = 0
    while (at := html.find("<", at)) >= 0:
        match = _TOKEN.match(html, at)
        if match and match["closed"]:
            if stack and stack[-1] == match["closed"].lower():
                stack.pop()
            at = match.end()
        elif match and (name := match["opened"].lower()) not in _OTHER_RULES:
            tags += 1
            if name not in _FLAT:
                stack.append(name)
                deepest = max(deepest, len(stack))
            at = _end_of_raw(html, name, match.end()) if name in _RAW else match.end()
        else:
            at = _end_of_harmless(html, at)
        if at < 0:
            return _uncertain(html, -at, len(stack), deepest, tags)
    return deepest, tags


def _uncertain(html: str, start: int, level: int, deepest: int, tags: int) -> tuple[int, int]:
    """From ``start`` on every opening tag may lie in the one before."""
    names = [name.lower() for name in _OPENING.findall(html, max(start - 1, 0))]
    return max(deepest, level + sum(name not in _VOID for name in names)), tags + len(names)


def _end_of_raw(html: str, name: str, start: int) -> int:
    """Where the text of a script and the like ends; negative where that can't be told."""
    end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, start)
    if end is None or "<!--" in html[start : end.start()]:
        return -start
    return end.start()


def _end_of_harmless(html: str, at: int) -> int:
    """Behind a comment, or a '<' that begins no markup; negative where it might be more."""
    if html.startswith("<!--", at) and not html.startswith((">", "->"), at + 4):
        end = html.find("-->", at + 4)
        return end + 3 if end >= 0 and html.find("--!>", at, end) < 0 else -(at + 1)
    following = html[at + 1 : at + 2]
    return -(at + 1) if following.isalpha() or following in {"/", "!", "?"} else at + 1
