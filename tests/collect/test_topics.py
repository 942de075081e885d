"""Why an entry has its topics: every rule, its front matter and its source, each named."""

import re
from dataclasses import replace

from chalicelib.collect.entry import EntryText
from chalicelib.collect.topics import TopicReason, explain, topics_of
from chalicelib.content.values import Topic, TopicRule
from tests.render.values import entry

RELEASES = Topic(
    "releases",
    {"*": "Releases"},
    (TopicRule("category", "release"), TopicRule("title", r"\bR\d+\b", re.compile(r"\bR\d+\b"))),
)
CLOUD = Topic("cloud", {"*": "Cloud"}, (TopicRule("text", "(?i)cloud", re.compile("(?i)cloud")),))
SECURITY = Topic("security", {"*": "Security"}, (TopicRule("kind", "event"), TopicRule("source", "Blog")))
TEXTS = {"en": EntryText("R10 is out", "", "<p>Our <b>Cloud</b></p>")}
ENTRY = replace(entry(1), texts=TEXTS, categories=("Release",))


def test_each_reason_is_named_and_a_topic_without_one_too() -> None:
    topics = (RELEASES, CLOUD, SECURITY, Topic("jobs", {"*": "Jobs"}, (TopicRule("tag", "job"),)))
    assert explain(ENTRY, ["cloud"], ["cloud", "jobs"], topics) == [
        TopicReason("releases", 1, "{category: release} matches"),
        TopicReason("releases", 2, r"{title: \bR\d+\b} finds 'R10'"),
        TopicReason("cloud", 0, "its front matter names it"),
        TopicReason("cloud", 0, "everything of source 'blog' has it"),
        TopicReason("cloud", 1, "{text: (?i)cloud} finds 'Cloud'"),
        TopicReason("security", 2, "{source: Blog} matches"),
        TopicReason("jobs", 0, "everything of source 'blog' has it"),
    ]
    assert explain(ENTRY, [], [], topics[3:]) == [TopicReason("jobs", 0, "")]


def test_a_topic_is_explained_exactly_where_it_is_had() -> None:
    topics = (RELEASES, CLOUD, SECURITY)
    for made in (ENTRY, entry(2), replace(ENTRY, source="other"), replace(ENTRY, categories=())):
        explained = {reason.topic for reason in explain(made, ["cloud"], [], topics) if reason.why}
        assert tuple(t.name for t in topics if t.name in explained) == topics_of(made, ["cloud"], topics)
