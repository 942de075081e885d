"""Links: addresses that can't be meant, links without words, the same words for several targets. Pure."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from chalicelib.lint.document import Document, Element
from chalicelib.lint.findings import ERROR, WARNING, Finding, shown

_SCHEME_AGAIN = re.compile(r"(?i)\Ahttps?:/*+(?:https?:|https?/)")
_NO_COLON = re.compile(r"(?i)\Ahttps?/")
_FEW_SLASHES = re.compile(r"(?i)\Ahttps?:(?!//[^/])")
_INNER = re.compile(r"(?i)https?:/{1,2}([^/?#\s]+)")
_LOCAL_ENDS = (".local", ".internal", ".localhost", ".localdomain", ".lan", ".home.arpa", ".corp", ".intranet")
_RESERVED_ENDS = (".test", ".invalid")
"""Names nobody can register (RFC 6761)."""
_STAGING_LABEL = re.compile(r"(?:[a-z0-9]++-)*?(?:staging|stage|stg|preview|dev|qa|uat)\d{0,3}\Z")
_PREVIEW_HOST = re.compile(
    r"--[a-z0-9-]+\.netlify\.app\Z|-git-[a-z0-9-]+\.vercel\.app\Z|-[a-z0-9]{9}-[a-z0-9-]+\.vercel\.app\Z"
    r"|(?:\A|\.)github\.dev\Z|\A[0-9a-f]{8}\.[a-z0-9-]+\.pages\.dev\Z|\.gitpod\.io\Z|\.ngrok(?:-free)?\.(?:io|app|dev)\Z"
    r"|\.trycloudflare\.com\Z|\.loca\.lt\Z|\.webcontainer\.io\Z"
)
_PUBLIC = frozenset({"dev.azure.com", "dev.mysql.com", "dev.gnupg.org", "dev.virtualearth.net", "preview.redd.it"})
"""Hosts for everybody that are called like somebody's unfinished site."""
_PORTS = {"http": 80, "https": 443}
_MARKDOWN = re.compile(r"\[[^\[\]\n]{1,200}\]\((?:https?://|mailto:|/)[^\s()]{0,500}\)")


def own_hosts(*urls: str) -> frozenset[str]:
    """The host names of a site's own addresses: what lies there is not judged as local."""
    return frozenset(host for url in urls if (host := _split(url)[1]))


def judge(url: str, own: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """What is wrong with one address. Relative ones are not judged here, for in a text they may be resolved."""
    url = url.strip()
    if _SCHEME_AGAIN.match(url) or _doubled(url, own):
        yield Finding("doubled-link", WARNING, f"two addresses run together: {shown(url)}; keep one", url)
        return
    if _NO_COLON.match(url) or _FEW_SLASHES.match(url):
        yield Finding("bad-link", WARNING, f"no address: {shown(url)}; write https://…", url)
        return
    scheme, host, port = _split(url)
    if scheme not in _PORTS or host in own:
        return
    yield from _judge_host(url, scheme, host, port)
    if (
        url.count("(") != url.count(")")
        or url.count("[") != url.count("]")
        or url.endswith(("%20", "%22", "%3E", "%5D"))
    ):
        words = f"a bracket or a blank belongs to the text, not to the address: {shown(url)}"
        yield Finding("bad-link", WARNING, words, url)
    elif re.search(r"\s", url):
        yield Finding("bad-link", WARNING, f"a blank in an address: {shown(url)}; write %20, or end it there", url)


def _judge_host(url: str, scheme: str, host: str, port: int) -> Iterator[Finding]:
    if is_local(host):
        yield Finding("local-link", ERROR, f"leads to a machine that readers can't reach: {shown(url)}", url)
    elif not host:
        yield Finding("bad-link", WARNING, f"no host in an address: {shown(url)}", url)
    elif is_staging(host):
        yield Finding("staging-link", WARNING, f"looks like a preview, not the page itself: {shown(url)}", url)
    elif port != _PORTS[scheme]:
        yield Finding("staging-link", WARNING, f"names a port, as pages for the public seldom do: {shown(url)}", url)
    elif scheme == "http":
        yield Finding("http-link", WARNING, f"is http: {shown(url)}; write https where the server has it", url)


def _split(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address, in small letters; '' and 0 where it has none."""
    try:
        parts = urlsplit(url.strip())
        scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
        return scheme, host, parts.port or _PORTS.get(scheme, 0)
    except ValueError:
        return "", "", 0


def _doubled(url: str, own: frozenset[str]) -> bool:
    """An address in the path of another of the same host, or of the site's: archives and proxies have others'."""
    scheme, host, _ = _split(url)
    if scheme not in _PORTS:
        return False
    path = unquote(url.partition("://")[2].partition("/")[2].partition("?")[0])
    inner = _INNER.search(path)
    return bool(inner) and (inner[1].lower().partition(":")[0] == host or host in own) if inner else False


def is_local(host: str) -> bool:
    """Whether a host is one that only its own network knows."""
    if host == "localhost" or host.endswith(_LOCAL_ENDS + _RESERVED_ENDS):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and "." not in host
    return not address.is_global


def is_staging(host: str) -> bool:
    """Whether a host is called like a site before its readers see it."""
    labels = host.split(".")
    inner = labels[:-2]  # dev.to is a name, dev.example.org a place
    return host not in _PUBLIC and (bool(_PREVIEW_HOST.search(host)) or any(map(_STAGING_LABEL.match, inner)))


def link_findings(document: Document, own: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """All of a page's links and pictures, and Markdown that was left in its text."""
    for link in document.links:
        yield from _href(link, own)
        if not link.name:
            href = shown(link.attrs["href"])
            yield Finding("empty-link", WARNING, f"a link without words, which nobody can hear or see: {href}", href)
    for image in document.of("img"):
        yield from judge(image.attrs.get("src", ""), own)
    yield from _ambiguous(document)
    for block in document.blocks:
        for match in _MARKDOWN.finditer(block):
            words = f"a Markdown link stands in the text as it was written: {shown(match[0])}"
            yield Finding("markdown-link", WARNING, words, match[0])


def _href(link: Element, own: frozenset[str]) -> Iterator[Finding]:
    href = link.attrs["href"].strip()
    scheme = href.partition(":")[0].lower() if ":" in href else ""
    if scheme in {"javascript", "data", "vbscript", "file"}:
        yield Finding("bad-link", ERROR, f"a link that no mail program follows: {shown(href)}", href)
    elif not href or href == "#":
        yield Finding("bad-link", WARNING, f"the link '{shown(link.name)}' leads nowhere", link.name)
    elif scheme in {"mailto", "tel", "sms", "cid", "webcal"} or href.startswith("#"):
        return
    elif scheme in _PORTS or re.match(r"(?i)https?[:/]", href):
        yield from _softened(judge(href, own), link)
    else:
        words = f"a link that leads nowhere from a mail, as it has no host: {shown(href)}"
        yield Finding("bad-link", WARNING, words, href)


def _softened(findings: Iterator[Finding], link: Element) -> Iterator[Finding]:
    """``Open http://localhost:8080`` was made a link by a program, and is meant for the reader's own machine."""
    bare = link.attrs["href"].strip().rstrip("/")
    for finding in findings:
        if finding.code == "local-link" and link.name.rstrip("/") in {bare, bare.partition("://")[2]}:
            finding = replace(finding, severity=WARNING, message=f"{finding.message}; put it in backticks")
        yield finding


def _ambiguous(document: Document) -> Iterator[Finding]:
    """Who goes from link to link hears only their words."""
    targets: dict[str, str] = {}
    told: set[str] = set()
    for link in document.links:
        name, href = link.name.casefold(), link.attrs["href"].strip()
        if name and targets.setdefault(name, href) != href and name not in told:
            told.add(name)
            words = f"'{shown(link.name)}' leads to {shown(targets[name])} and to {shown(href)}; say which is which"
            yield Finding("ambiguous-link", WARNING, words, href)
