"""Reading content/site.yaml: who sends, in which languages, about what, and where the news comes from."""

import re
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from chalicelib.content.fields import LANGUAGE_TAG, Fields, web_address
from chalicelib.content.frontmatter import read_text
from chalicelib.content.posts import path_pattern
from chalicelib.content.privacy_reading import read_privacy
from chalicelib.content.problems import Problems, did_you_mean
from chalicelib.content.segment_reading import read_named_segments, vocabulary_of
from chalicelib.content.sending_reading import read_sending
from chalicelib.content.subscribing import Subscribing, WorkUse
from chalicelib.content.theme import read_theme
from chalicelib.content.values import (
    Kind,
    Sender,
    Site,
    Source,
    SourceKind,
    Topic,
    TopicRule,
)
from chalicelib.content.webhook_reading import read_webhooks
from chalicelib.content.yamldoc import parse_yaml

SITE_FILE = "content/site.yaml"
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")
_RULE_FIELDS = ("category", "title", "text", "kind", "source", "tag", "any")
_PATTERN_FIELDS = frozenset({"title", "text"})


def read_site(root: Path, problems: Problems) -> tuple[Site | None, bool]:
    """The site of ``root``, without newsletters and notes, and whether it may be used.

    One that may not be used still says what could be read, so that the rest can be checked in the same run;
    None where site.yaml is missing or no YAML at all.
    """
    path = root / SITE_FILE
    if not path.is_file():
        message = f"there is no {SITE_FILE} here; make a site with 'sendbrief new', or name one with --site"
        problems.error(SITE_FILE, 0, "no-site", message)
        return None, False
    found = Problems()
    text = read_text(path, SITE_FILE, found)
    node = parse_yaml(text, SITE_FILE, found) if text is not None else None
    site = _site(root, Fields(node, SITE_FILE, found), problems) if node else None
    problems.extend(found.sorted())
    return site, site is not None and not found.errors


def _site(root: Path, fields: Fields, problems: Problems) -> Site:
    languages = _languages(fields)
    topics = _topics(fields, languages)
    site = Site(
        root=root,
        name=fields.localized("name", required=True, languages=languages),
        base_url=fields.parsed("base_url", web_address, "https://site.invalid", required=True).rstrip("/"),
        languages=languages,
        time_zone=fields.parsed("time_zone", _zone, ZoneInfo("UTC"), required=True),
        sender=_sender(fields, languages),
        editors=tuple(_address(fields, "editors", address) for address in fields.texts("editors")),
        postal_address=fields.localized("postal_address", required=True, languages=languages),
        imprint_url=fields.parsed("imprint_url", web_address, ""),
        privacy_url=fields.parsed("privacy_url", web_address, ""),
        footer=fields.localized("footer", languages=languages),
        topics=topics,
        sources=_sources(fields, languages, tuple(topic.name for topic in topics)),
        theme=read_theme(root, fields, problems),
        subscribing=_subscribing(fields),
        privacy=read_privacy(fields, languages),
        sending=read_sending(fields),
        webhooks=read_webhooks(fields),
    )
    site = replace(site, segments=read_named_segments(fields, "segments", vocabulary_of(site)))
    fields.finish()
    return site


def _languages(fields: Fields) -> tuple[str, ...]:
    languages = fields.texts("languages")
    if not languages:
        fields.node("languages", required=True)
        if "languages" in fields:
            fields.wrong("languages", "name at least one, like [en]")
    for tag in languages:
        if not LANGUAGE_TAG.match(tag):
            fields.wrong("languages", f"'{tag}' is no language tag; write it like en or pt-BR", "unknown-language")
    if len(set(languages)) < len(languages):
        fields.wrong("languages", "a language stands twice; name each once")
    return languages or ("en",)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"'{text}' is no time zone; write it like Europe/Berlin") from None


def _address(fields: Fields, key: str, text: str) -> str:
    if not re.match(r"^[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+$", text) or not text.isascii():
        fields.wrong(key, f"'{text}' is no mail address; write it like news@example.org", "bad-address")
    return text


def _sender(fields: Fields, languages: tuple[str, ...]) -> Sender:
    sub = fields.sub("sender", required=True)
    if sub is None:
        return Sender({}, "")
    name = sub.localized("name", required=True, languages=languages)
    address, reply_to = sub.text("address", required=True), sub.text("reply_to")
    for key, text in (("address", address), ("reply_to", reply_to)):
        if text:
            _address(sub, key, text)
    sub.finish()
    return Sender(name, address, reply_to or None)


def _subscribing(fields: Fields) -> Subscribing:
    sub = fields.sub("subscribing")
    if sub is None:
        return Subscribing()
    subscribing = Subscribing(
        proof_of_work=WorkUse(sub.choice("proof_of_work", [str(use) for use in WorkUse], str(WorkUse.OFF))),
        check_mx=sub.flag("check_mx"),
        refuse_disposable=sub.flag("refuse_disposable"),
    )
    sub.finish()
    return subscribing


def _topics(fields: Fields, languages: tuple[str, ...]) -> tuple[Topic, ...]:
    sub = fields.sub("topics")
    if sub is None:
        return ()
    topics = []
    for name in sub.keys():
        topic = sub.sub(name)
        if not _NAME.match(name):
            sub.wrong(name, "a topic's name is small letters, digits and hyphens", "bad-name")
        if topic:
            title = topic.localized("title", required=True, languages=languages)
            rules = tuple(_rule(rule) for rule in topic.each("match"))
            topic.finish()
            topics.append(Topic(name, title, rules))
    return tuple(topics)


def _rule(fields: Fields) -> TopicRule:
    keys = list(fields.keys())
    if len(keys) != 1 or keys[0] not in _RULE_FIELDS:
        word = keys[0] if len(keys) == 1 else ", ".join(keys)
        fields.wrong(word, f"a rule has one of these keys; {did_you_mean(word, _RULE_FIELDS)}", "bad-rule")
        return TopicRule("none", "")
    key = keys[0]
    value = fields.text(key, required=True)
    if key == "kind":
        fields.choice(key, [str(kind) for kind in Kind], "post")
    if key == "any" and value and not fields.flag(key):
        fields.wrong(key, "write 'any: true' or leave the rule out")
    if key not in _PATTERN_FIELDS:
        return TopicRule(key, value)
    return TopicRule(key, value, fields.parsed(key, _pattern, re.compile("(?!)")))


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from None


def _sources(fields: Fields, languages: tuple[str, ...], topics: tuple[str, ...]) -> tuple[Source, ...]:
    sub = fields.sub("sources")
    if sub is None:
        return ()
    sources = []
    for name in sub.keys():
        source = sub.sub(name)
        if not _NAME.match(name):
            sub.wrong(name, "a source's name is small letters, digits and hyphens", "bad-name")
        if source:
            sources.append(replace(_source(name, source, languages, topics), line=sub.line_of(name)))
    return tuple(sources)


def _source(name: str, fields: Fields, languages: tuple[str, ...], topics: tuple[str, ...]) -> Source:
    kinds = [kind for kind in SourceKind if str(kind) in fields]
    if len(kinds) != 1:
        message = f"source '{name}' needs exactly one of feed, folder or calendar"
        fields.problems.error(fields.file, fields.line, "bad-source", message)
    kind = kinds[0] if kinds else SourceKind.FEED
    default_kind = Kind.EVENT if kind is SourceKind.CALENDAR else Kind.POST
    language, own_topics = fields.text("language"), fields.texts("topics")
    for topic in own_topics:
        if topic not in topics:
            fields.wrong("topics", f"topic '{topic}' is unknown; {did_you_mean(topic, topics)}", "unknown-topic")
    if language and language not in languages:
        message = f"'{language}' is not one of the site's; {did_you_mean(language, languages)}"
        fields.wrong("language", message, "unknown-language")
    source = Source(
        name=name,
        kind=kind,
        location=_location(fields, kind) if kinds else "",
        language=language or None,
        entry_kind=Kind(fields.choice("kind", ["post", "event"], str(default_kind))),
        pattern=_checked_pattern(fields) if kind is SourceKind.FOLDER else "",
        url=fields.parsed("url", _url_pattern, ""),
        backlog=fields.span("backlog"),
        limit=fields.parsed("limit", _limit, 20),
        topics=own_topics,
        ignore_keys=fields.texts("ignore_keys"),
    )
    fields.finish([str(kind) for kind in kinds])
    return source


def _limit(text: str) -> int:
    """How many entries of a source stand in one edition. Raises ValueError."""
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise ValueError(f"'{text}' is no number from 1 to 9999")
    return int(text)


def _location(fields: Fields, kind: SourceKind) -> str:
    text = fields.text(str(kind), required=True)
    if kind is SourceKind.FOLDER and ("://" in text or text.startswith("/") or ".." in text.split("/")):
        fields.wrong(str(kind), f"'{text}' is no folder below content/; write it like posts")
    elif "://" in text:
        try:
            web_address(text)
        except ValueError as error:
            fields.wrong(str(kind), str(error))
    return text


def _url_pattern(text: str) -> str:
    """Where a folder's posts are read on the web: an address with names of the pattern in braces."""
    if not re.match(r"https?://[^\s<>\"]+\Z", text):
        raise ValueError(f"'{text}' is no web address; write it like https://example.org/{{slug}}/")
    return text


def _checked_pattern(fields: Fields) -> str:
    pattern = fields.text("pattern", "{slug}.md")
    try:
        path_pattern(pattern)
    except ValueError as error:
        fields.wrong("pattern", str(error))
        return "{slug}.md"
    return pattern
