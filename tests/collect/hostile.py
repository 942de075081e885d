"""Hostile feeds, made: families of attacks on parsers, each in several sizes; and mutations of small real-like ones."""

import json
import random
from collections.abc import Callable, Iterator

ATOM = "<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>"
KB = 1024
SIZES = (64, 4 * KB, 64 * KB, 400 * KB)
LARGE = 10 * KB * KB
"""The most that is ever fetched."""


def rss(inner: str, head: str = "", encoding: str = "utf-8") -> bytes:
    feed = f"<rss version='2.0'><channel><title>F</title>{inner}</channel></rss>"
    return f"<?xml version='1.0' encoding='{encoding}'?>{head}{feed}".encode()


def item(text: str) -> str:
    return f"<item><title>T</title><guid>g</guid><description>{text}</description></item>"


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _doctype(inside: str) -> str:
    return f"<!DOCTYPE r [{inside}]>"


def _bomb(size: int) -> bytes:
    levels = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
    return rss(item("&e11;" * (size // 5)), _doctype(f"<!ENTITY e0 'lol'>{levels}"))


Maker = Callable[[int], bytes]
IN_XML = [
    "<a>", "</a>", "<", "<!", "<!--", "<!-- ", "-->", "<![CDATA[", "]]>", "<?", "<?x ?>", "&", "&amp;", "&#x41;",
    "&foo;", "&#", "<a b='", "<a ", "<a/b", "<item ", "<item>", "<item/>", "<entry>", "</item>", "<!DOCTYPE a [",
    "<!ENTITY ", "a=", "\n", " ", "\0", "<title>", "<channel>", "<rss>", "<feed>", "<a xml:base='x/'>",
    "<a xml:lang='x'>", "<a xmlns='x'>", "<a:b xmlns:a='a'>",
]  # fmt: skip
"""Repeated within the channel, as they are."""
IN_ITEM = [
    "<div>", "<b>x</b>", "<category>x</category>", "<title>T</title>", "<author>a@b</author>", "<link>x</link>",
    "<enclosure url='x'/>", "<pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate>", "<guid>x</guid>",
    "<media:thumbnail url='x'/>", "<content:encoded>x</content:encoded>", "<source url='x'>x</source>", "‹!--",
]  # fmt: skip
IN_HTML = [
    "<div>", "<a href='x'>", "<a ", "<a href=", "<", "<!", "</", "<?", "<![CDATA[", "<!--", "‹!--", "<br/>",
    "<!DOCTYPE", "&amp;", "<table>", "<b><i><p>", "<a href='", "<img src=x onerror=y>", "<svg><script>",
    "<math><mi>", "<p></div>", "\u202e",
]  # fmt: skip
FIELDS = ["title", "author", "pubDate", "guid", "link", "category", "georss:polygon", "dc:date", "itunes:duration"]
PIECES = ["1", "a@", "a.", "Mon, ", "(", "x ", "&lt;", "http://", "√ü"]
ENCODINGS = [
    "utf-7", "utf-16", "utf-32", "zlib", "idna", "punycode", "unicode_escape", "base64", "rot13", "mbcs", "cp037",
    "x" * 99,
]  # fmt: skip


def _repeated(piece: str, around: Callable[[str], bytes]) -> Maker:
    return lambda size: around(piece * max(1, size // len(piece)))


def _field(name: str, piece: str) -> Maker:
    return _repeated(piece, lambda text: rss(f"<item><title>T</title><{name}>{text}</{name}></item>"))


def _numbered(form: str, around: Callable[[str], bytes]) -> Maker:
    return lambda size: around("".join(form.format(n) for n in range(max(1, size // len(form)))))


def _json(value: Callable[[int], object]) -> Maker:
    return lambda size: json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": value(size)}).encode()


def families() -> dict[str, Maker]:
    """The name of each attack, and what makes it in about a size."""
    made: dict[str, Maker] = {f"xml {p!r}": _repeated(p, rss) for p in IN_XML}
    made |= {f"item {p!r}": _repeated(p, lambda text: rss(f"<item>{text}</item>")) for p in IN_ITEM}
    made |= {f"html {p!r}": _repeated(p, lambda text: rss(item(escaped(text)))) for p in IN_HTML}
    made |= {f"{name} {p!r}": _field(name, p) for name in FIELDS for p in PIECES[: 4 if ":" in name else 9]}
    made |= {f"said to be {e[:20]}": _repeated("+ADw-x", lambda t, e=e: rss(item(t), encoding=e)) for e in ENCODINGS}
    made |= {
        f"is {e}": _repeated("x", lambda t, e=e: rss(item(t)).decode().encode(e)) for e in ("utf-16", "utf-32", "cp037")
    }
    return made | {
        "attributes": _numbered(" a{}='x'", lambda text: rss(f"<item{text}/>")),
        "namespaces": _numbered(" xmlns:a{0}='{0}'", lambda text: rss(f"<item{text}/>")),
        "one attribute": _repeated("x", lambda text: rss(f"<item a='{text}'><title>T</title></item>")),
        "entities": _numbered("<!ENTITY a{} 'b'>", lambda text: rss(item("x"), _doctype(text))),
        "entity": lambda size: rss(item("&a;" * (size // 6)), _doctype(f"<!ENTITY a '{'x' * (size // 2)}'>")),
        "entity bomb": _bomb,
        "categories": _numbered("<category>{}</category>", lambda text: rss(f"<item>{text}</item>")),
        "links": _numbered("<link href='http://a.example/{}'/>", lambda text: rss(f"<item>{text}</item>")),
        "nested and closed": lambda size: rss(item("<div>" * (size // 11) + "</div>" * (size // 11))),
        "xhtml": lambda size: ATOM.format("<entry><content type='xhtml'>" + "<div>" * (size // 5)).encode(),
        "base64": _repeated("QUFB", lambda t: ATOM.format(f"<entry><content type='x'>{t}</content></entry>").encode()),
        "all bytes": lambda size: bytes(range(256)) * (size // 256 + 1),
        "png": lambda size: b"\x89PNG\r\n\x1a\n" + bytes(size),
        "zip": lambda size: b"PK\x03\x04" + random.Random(size).randbytes(size),
        "spaces first": lambda size: b" " * size + rss(item("x")),
        "json lists": lambda size: b'{"items":' + b"[" * size,
        "json objects": lambda size: b'{"items":' + b'{"a":' * (size // 5),
        "json number": lambda size: b'{"items":[{"id":' + b"1" * size + b"}]}",
        "json keys": _json(lambda size: [{f"k{n}": n for n in range(size // 12)}]),
        "json items": _json(lambda size: [{"id": str(n), "title": "T"} for n in range(size // 25)]),
        "json title": _json(lambda size: [{"id": "x", "title": "<" * size}]),
        "json html": _json(lambda size: [{"id": n, "content_html": "<div>" * 1400} for n in range(size // 7000 + 1)]),
        "json tags": _json(lambda size: [{"id": "x", "title": "T", "tags": ["t"] * (size // 5)}]),
        "json text": _json(lambda size: [{"id": "x", "title": "T", "content_text": "\n\nx" * (size // 5)}]),
    }  # fmt: skip


def feeds() -> Iterator[tuple[str, bytes]]:
    """All of them, the same at each call."""
    for name, make in families().items():
        for size in SIZES:
            yield f"{name} {size}", make(size)


ITEM = (
    "<item><title>Titel {0} &amp; mehr</title><link>https://a.example.org/{0}</link><guid>g{0}</guid>"
    "<pubDate>Fri, 2{0} Nov 2026 10:00:00 GMT</pubDate><category>c</category>"
    "<description>&lt;p&gt;Größe &lt;a href='x'&gt;x&lt;/a&gt;&lt;/p&gt;</description></item>"
)
ENTRY = (
    "<title>F</title><link href='https://a.example.org/'/><entry xml:lang='de'><title type='html'>A &amp;lt;b></title>"
    "<id>urn:x</id><link href='a'/><updated>2026-11-20T10:00:00Z</updated><author><name>Ada</name></author>"
    "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>x</p></div></content></entry>"
)
RDF = (
    "<?xml version='1.0' encoding='iso-8859-1'?><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' "
    "xmlns='http://purl.org/rss/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/'><channel><title>Größe</title>"
    "</channel><item><title>A</title><link>https://a.example.org/a</link><dc:date>2026-11-20</dc:date></item></rdf:RDF>"
)
JSON_ITEM = {
    "id": "1", "url": "a", "title": "Größe", "content_html": "<p>x</p>", "date_published": "2026-11-20T10:00:00Z",
    "authors": [{"name": "Ada"}], "tags": ["a"], "image": "i.png",
}  # fmt: skip
GOOD = [
    rss("".join(ITEM.format(n) for n in range(3))),
    ATOM.format(ENTRY).encode(),
    RDF.encode("latin-1"),
    json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [JSON_ITEM, {"id": 2}]}).encode(),
]  # fmt: skip
INJECTED = [
    b"<!ENTITY x 'y'>", b"&x;", b"<![CDATA[", b"]]>", b"<!--", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"<item>",
    b"</item>", b"<", b"&#x0;", b"&#xD800;", b"&#1114112;", b"{", b"[", b'"', b"\\ud800", b"null", b"1e999",
    b"<!DOCTYPE a SYSTEM 'x'>", b" xml:base='http://['", b"<?xml version='1.1'?>", b"</rss>", b"\xe2\x80\xae",
    b"\xc3\x83\xc2\xb6",
]  # fmt: skip


def mutation(number: int) -> bytes:
    """One of any number of mutations: bytes flipped, cut out, doubled, spliced in; the same for the same number."""
    chance = random.Random(number)
    body = bytearray(chance.choice(GOOD))
    for _ in range(chance.randint(1, 6)):
        at, end = sorted((chance.randrange(len(body) + 1), chance.randrange(len(body) + 1)))
        match chance.randrange(6):
            case 0 if at < len(body):
                body[at] ^= 1 << chance.randrange(8)
            case 1:
                del body[at : min(end, at + 40)]
            case 2:
                del body[at:]
            case 3:
                body[at:at] = chance.choice(INJECTED)
            case 4:
                body[at:at] = chance.choice(GOOD)[at:end]
            case _:
                body[at:at] = body[at:end][:200] * chance.randint(1, 20)
    return bytes(body)
