"""The whole job on AWS, from the built artefact: package, template, stack, ticks, feeds, bundles, mails, and back."""

import json
import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.collect.servers import answer, serving
from tests.e2e.artefact import Artefact, artefact
from tests.e2e.cloud import FUNCTIONS, Stage, stage, until
from tests.e2e.policies import allows, roles
from tests.fake_ses import Taken
from tests.local_aws import LocalAws, local_aws

__all__ = ["artefact", "local_aws"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
READERS = 160
SITE = """\
name: Havel
base_url: https://news.example.org
languages: [en]
time_zone: UTC
sender: {{name: Havel, address: news@example.org}}
editors: [editor@example.org]
postal_address: Havel, Musterweg 1, 14467 Potsdam
imprint_url: https://example.org/imprint
topics:
  security: {{title: Security, match: [{{source: advisories}}, {{category: security}}]}}
  all: {{title: All else, match: [{{any: true}}]}}
sources:
  advisories: {{feed: 'http://127.0.0.1:{port}/advisories.xml'}}
  posts: {{folder: posts, pattern: '{{language}}/{{date}}-{{slug}}.md', url: 'https://example.org/{{slug}}/'}}
"""
ALERTS = """\
title: Alerts
trigger: {topics: [security]}
template: alert
"""
DIGEST = """\
title: Digest
schedule: {{rule: FREQ=DAILY, at: '{at:%H:%M}', starts: {starts:%Y-%m-%d}}}
sections: [{{title: News, rest: true}}]
"""
POST = "---\ntitle: {title}\n{more}---\nWhat there is to say of it: {title}.\n"
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>A</title><link>https://example.org/</link>
<description>A</description><item><title>Patch the frobnicator</title><link>https://example.org/a/1</link>
<guid>https://example.org/a/1</guid><pubDate>{date:%a, %d %b %Y %H:%M:%S} GMT</pubDate>
<description>A hole in the frobnicator. Update now.</description></item></channel></rss>"""
LEAVER, BOUNCER = "r3@example.org", "r5@example.org"


def write_site(root: Path, port: int, at: datetime) -> None:
    files = {
        "site.yaml": SITE.format(port=port),
        "newsletters/alerts.yaml": ALERTS,
        "newsletters/digest.yaml": DIGEST.format(at=at, starts=at),
        f"posts/en/{datetime.now(UTC):%Y-%m-%d}-crane.md": POST.format(title="The crane is up", more=""),
    }
    for name, text in files.items():
        path = root / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def header(mail: Taken, name: str) -> str:
    """A header of a mail as it was handed to SES."""
    return str(message_from_bytes(mail.raw, policy=policy.default)[name] or "")


def balanced(edition: dict[str, Any]) -> bool:
    parts = ("pending", "deferred", "sent", "failed", "skipped", "in_doubt")
    return edition["planned"] > 0 and edition["planned"] == sum(edition[part] for part in parts)


def test_the_whole_job(
    local_aws: LocalAws, artefact: Artefact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    with stage(local_aws, artefact, tmp_path / "site", tmp_path, monkeypatch) as house:
        play(house, tmp_path)
        asked_what_they_may(house)
    assert time.monotonic() - began < 300


def play(house: Stage, tmp_path: Path) -> None:
    """Three editions, with all that happens between them."""
    later = datetime.now(UTC) + timedelta(days=10)
    feed = FEED.format(date=datetime.now(UTC) - timedelta(minutes=10)).encode()
    with serving(lambda _: answer(feed, Content_Type="application/rss+xml")) as server:
        write_site(house.site, server.port, later)
        assert any(change.resource == "Chunks" for change in house.deploy())
        house.aws.client("sqs").send_message(QueueUrl=house.outputs["ChunkQueueUrl"], MessageBody="poison")
        readers = tmp_path / "readers.csv"
        readers.write_text("email\n" + "".join(f"r{n}@example.org\n" for n in range(READERS)))
        for newsletter in ("alerts", "digest"):
            house.command("subscribers", "import", str(readers), "--newsletter", newsletter, "--basis", "consent")
        house.command("publish")

        # The rule fires the tick by itself; the feed's news goes out at once, to everybody, once.
        first = until(
            lambda: len(house.mails("alerts", "frobnicator")) == READERS and house.mails("alerts", "frobnicator"),
            150,
            "alerts",
        )
        assert {mail.recipient for mail in first} == {f"r{n}@example.org" for n in range(READERS)}
        assert all(header(mail, "List-Unsubscribe-Post") == "List-Unsubscribe=One-Click" for mail in first)
        assert all(mail.configuration_set == house.outputs["ConfigurationSetName"] for mail in first)
        assert server.requests

        # A bounce, through SNS and SQS, suppresses; one click, over HTTP, unsubscribes.
        (bounced,) = [mail for mail in first if mail.recipient == BOUNCER]
        house.tell("Bounce", bounced, bounceType="Permanent", bounceSubType="General", feedbackId="f",
                   bouncedRecipients=[{"emailAddress": BOUNCER}])  # fmt: skip
        for mail in first:
            if mail.recipient == LEAVER:
                url = header(mail, "List-Unsubscribe").strip("<>").partition(">")[0]
                form = {"Content-Type": "application/x-www-form-urlencoded"}
                status, _ = house.ask(url, b"List-Unsubscribe=One-Click", **form)
                assert status == 200
        until(lambda: BOUNCER in house.command("suppressions", "list"), 60, "the bounce is heard")

        # The digest, from the published bundle's posts, at the time that editors set anew; in mid-send the stack is
        # updated.
        soon = datetime.now(UTC) + timedelta(minutes=1)
        (house.site / "content" / "newsletters" / "digest.yaml").write_text(DIGEST.format(at=soon, starts=soon))
        house.command("publish")

        def under_way() -> bool:
            house.tick()
            return len(house.mails("digest")) >= 30

        until(under_way, 200, "the digest is being sent")
        assert len(house.mails("digest")) < READERS
        assert any((change.action, change.resource) == ("Modify", "Chunks") for change in house.deploy("second"))
        second = until(lambda: len(house.mails("digest")) >= READERS - 1 and house.mails("digest"), 150, "the digest")
        assert {mail.recipient for mail in second} == {f"r{n}@example.org" for n in range(READERS)} - {BOUNCER}
        assert len(second) == READERS - 1, "nobody twice"

        # The next of the alerts, published by an editor: whoever left, or is gone, is skipped.
        path = house.site / "content" / "posts" / "en" / f"{datetime.now(UTC):%Y-%m-%d}-gasket.md"
        path.write_text(POST.format(title="Replace the gasket", more="category: security\n"))
        house.command("publish")

        def third() -> Any:
            house.tick()
            return len(house.mails("alerts", "gasket")) >= READERS - 2 and house.mails("alerts", "gasket")

        gone = {LEAVER, BOUNCER}
        assert {mail.recipient for mail in until(third, 120, "the gasket")} == (
            {f"r{n}@example.org" for n in range(READERS)} - gone
        )

        # The poison is a dead letter, and nothing else is; every book balances.
        def settled() -> list[dict[str, Any]]:
            house.tick()
            found = house.status()
            begun = [one for one in found["editions"] if one["state"] != "draft"]  # tomorrow's digest is one
            return begun if found["dead_letters"] == 1 and {one["state"] for one in begun} == {"sent"} else []

        found = until(settled, 120, "all is sent")
        assert all(balanced(edition) for edition in found), found
        planned = sorted(
            (one["newsletter"], one["planned"], one["sent"], one["skipped"], one["failed"]) for one in found
        )
        assert planned == [
            ("alerts", READERS - 1, READERS - 2, 1, 0),
            ("alerts", READERS, READERS - 1, 0, 1),
            ("digest", READERS, READERS - 1, 1, 0),
        ]
        assert house.command("redrive", "--list").count("poison") == 1


def asked_what_they_may(house: Stage) -> None:
    """Every call that a function made is one that its role allows: the policies are enough, and were not by luck."""
    may = roles(json.loads(house.artefact.sam.read_text()))
    for name in FUNCTIONS:
        for action, resource in sorted(house.witnesses[name].asked):
            assert allows(may[name], action, resource), f"{name} asked for {action} on {resource}"
    for name in ("Tick", "Chunks", "Events", "APIHandler"):
        assert any(action == "ssm:GetParameter" for action, _ in house.witnesses[name].asked)
        assert any(resource.startswith("arn:BucketResource/bundles/") for _, resource in house.witnesses[name].asked)
