"""``sendbrief publish`` as an editor, a pipeline and a machine without a content folder use it."""

import subprocess
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from chalicelib.cli.context import house as house_of
from chalicelib.content.published import Shelf
from chalicelib.runtime import Runtime
from chalicelib.settings import load_settings
from chalicelib.store.dynamodb import create_table
from tests.cli.house import EDITION, MONDAY, THURSDAY, Command, small_site


@pytest.fixture
def site(command: Command) -> Command:
    return small_site(command)


def listed(command: Command) -> list[dict[str, object]]:
    found = command.run("publish", "--list", "--json").json
    assert isinstance(found, list)
    return found


def git(command: Command, *words: str) -> str:
    name = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", "-C", str(command.site), *name, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def elsewhere(command: Command, tmp_path: Path) -> None:
    """From now on the command runs where there is no content at all, on what is published."""
    (tmp_path / "empty").mkdir(exist_ok=True)
    command.setenv("SENDBRIEF_SITE", str(tmp_path / "empty"))
    command.setenv("SENDBRIEF_CONTENT", "published")


def back_home(command: Command) -> None:
    command.setenv("SENDBRIEF_SITE", str(command.site))
    command.setenv("SENDBRIEF_CONTENT", "folder")


def test_publish_change_publish_and_back(site: Command, tmp_path: Path) -> None:
    told = site.run("publish").out
    assert told.startswith("Published ")
    first = told.split()[1].rstrip(":")
    assert site.run("publish").out.startswith(f"{first} is what is published already, since 20")
    site.write("posts/2026-11-21-second.md", "---\ntitle: Second\n---\nThe second post.\n")
    site.run("publish")
    elsewhere(site, tmp_path)
    assert "Second" in site.run("draft", "digest", "--now", MONDAY).out
    back_home(site)
    assert site.run("publish", "--rollback").out.startswith(f"Went back to {first} of 20")
    elsewhere(site, tmp_path)
    assert "Second" not in site.run("draft", "digest", "--now", MONDAY).out
    rows = listed(site)
    assert [(row["number"], row["brings_back"], row["current"]) for row in rows] == [
        (3, 1, True), (2, 0, False), (1, 0, False)
    ]  # fmt: skip
    shown = site.run("publish", "--list").out
    assert "3 *" in shown
    assert "back to 1" in shown
    assert [row["what"] for row in site.run("audit", "--json").json["noted"]] == [
        "publish", "publish", "publish --rollback"
    ]  # fmt: skip


def test_an_edition_goes_out_of_what_is_published_with_no_content_on_the_machine(site: Command, tmp_path: Path) -> None:
    site.run("publish")
    elsewhere(site, tmp_path)
    site.run("tick", "--now", MONDAY)
    site.run("tick", "--now", THURSDAY)
    assert len(site.mails()) == 3
    assert site.run("check").out == "No problems found.\n"


def test_nothing_published_yet_is_told(site: Command, tmp_path: Path) -> None:
    elsewhere(site, tmp_path)
    for words in (["status"], ["tick"], ["check"], ["draft", "digest"]):
        told = site.run(*words, code=1).err
        assert "Nothing is published yet" in told
        assert "sendbrief publish" in told
    back_home(site)
    assert "Nothing is published yet" in site.run("publish", "--rollback", code=2).err
    assert site.run("publish", "--list").out == "Nothing is published yet.\n"
    assert listed(site) == []


def test_a_site_with_errors_is_not_published(site: Command) -> None:
    site.run("publish")
    site.write("newsletters/digest.yaml", "title: Digest\nschedul: {}\n")
    ran = site.run("publish", code=1)
    assert "content/newsletters/digest.yaml:2" in ran.said
    assert "Nothing was published" in ran.err
    assert len(listed(site)) == 1


def test_it_is_the_bundle_that_is_checked_and_not_the_folder(site: Command) -> None:
    """What a site needs and a bundle leaves out is missed before it is missed where mails are made."""
    site.write(".posts/2026-11-20-first.md", "---\ntitle: Hidden\n---\nHidden.\n")
    hidden = (site.site / "content" / "site.yaml").read_text("utf-8").replace("folder: posts", "folder: .posts")
    site.write("site.yaml", hidden)
    site.run("check")
    assert "there is no folder content/.posts" in site.run("publish", code=1).said


def test_a_dry_run_changes_nothing(site: Command) -> None:
    assert site.run("publish", "--dry-run").out.startswith("Would publish ")
    assert listed(site) == []
    site.run("publish")
    site.write("posts/2026-11-21-second.md", "---\ntitle: Second\n---\nThe second post.\n")
    site.run("publish")
    row = site.run("publish", "--rollback", "--dry-run", "--json").json
    assert (row["number"], row["current"]) == (1, False)
    assert len(listed(site)) == 2
    assert site.run("publish", "--dry-run", "--json").json["number"] == 0


def test_the_commit_is_that_of_git_and_what_is_not_committed_is_told(site: Command) -> None:
    git(site, "init", "--quiet")
    git(site, "add", "content")
    git(site, "commit", "--quiet", "--message", "one")
    head = git(site, "rev-parse", "HEAD")
    site.write("README.md", "beside content").rename(site.site / "README.md")
    assert f"(commit {head[:7]})" in site.run("publish").out
    site.write("posts/2026-11-21-second.md", "---\ntitle: Second\n---\nThe second post.\n")
    assert f"(commit {head[:7]}, with changes that are not committed)" in site.run("publish").out
    assert [(row["commit"], row["dirty"]) for row in listed(site)] == [(head, True), (head, False)]


def test_the_commit_can_be_given(site: Command) -> None:
    site.run("publish", "--commit", "v1.2")
    assert [(row["commit"], row["dirty"]) for row in listed(site)] == [("v1.2", False)]
    assert "no commit" in site.run("publish", "--commit", "a b", code=2).err


def test_back_to_a_named_one(site: Command) -> None:
    for commit in ("aaaa1111", "bbbb2222", "cccc3333"):
        site.write("posts/2026-11-21-second.md", f"---\ntitle: {commit}\n---\nThe second post.\n")
        site.run("publish", "--commit", commit)
    assert "commit aaaa1111" in site.run("publish", "--rollback", "--to", "aaaa").out
    assert "no bundle or commit 'dddd'" in site.run("publish", "--rollback", "--to", "dddd", code=2).err
    assert "--to goes with --rollback" in site.run("publish", "--to", "aaaa", code=2).err


def test_a_newsletter_with_an_open_edition_is_not_taken_away_without_a_reason(site: Command) -> None:
    other = "title: Other\nschedule: {rule: FREQ=WEEKLY;BYDAY=TH, at: '10:00'}\nsections: [{title: News, rest: true}]\n"
    site.write("newsletters/other.yaml", other)
    site.run("publish")
    site.run("tick", "--now", "2026-11-25T12:00")
    (site.site / "content" / "newsletters" / "digest.yaml").unlink()
    told = site.run("publish", code=2).err
    assert f"{EDITION} (draft)" in told
    assert "--force" in told
    assert len(listed(site)) == 1
    site.run("publish", "--force", "The digest has ended.")
    assert listed(site)[0]["why"] == "The digest has ended."
    # and going back to a site without one is no other matter
    site.write("newsletters/digest.yaml", (site.site / "content" / "newsletters" / "other.yaml").read_text("utf-8"))
    site.run("publish")
    assert EDITION in site.run("publish", "--rollback", code=2).err
    site.run("cancel", EDITION)
    assert site.run("publish", "--rollback").out.startswith("Went back to ")


def test_links_that_lead_out_are_refused_and_no_secret_is_taken_along(site: Command) -> None:
    (site.site / "content" / "posts" / "key.md").symlink_to(site.data / "secret.key")
    told = site.run("publish", code=2).err
    assert "content/posts/key.md can't be published" in told
    (site.site / "content" / "posts" / "key.md").unlink()
    site.setenv("SENDBRIEF_DATA", str(site.site / "content" / "state"))
    site.run("subscribers", "add", "x@example.org", "--newsletter", "digest", "--basis", "consent")
    site.run("publish")
    with house_of() as runtime:
        assert not [path for path in runtime.shelf.manifest(runtime.shelf.history()[0].hash).files if "state" in path]


def test_who_publishes_at_the_same_moment_is_told(site: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run("publish")
    with house_of() as runtime:
        stale = runtime.shelf.current()
    site.write("posts/2026-11-21-second.md", "---\ntitle: Second\n---\nThe second post.\n")
    site.run("publish")
    with monkeypatch.context() as earlier:
        earlier.setattr(Shelf, "current", lambda _: stale)  # as read before the other one was done
        site.write("posts/2026-11-22-third.md", "---\ntitle: Third\n---\nThe third post.\n")
        assert "Somebody else published in the meantime" in site.run("publish", code=1).err
    assert [row["number"] for row in listed(site)] == [2, 1]
    site.run("publish")
    assert [row["number"] for row in listed(site)] == [3, 2, 1]


def test_publishing_reads_the_folder_even_where_the_others_follow_what_is_published(site: Command) -> None:
    site.setenv("SENDBRIEF_CONTENT", "published")
    site.run("publish")
    site.write("posts/2026-11-21-second.md", "---\ntitle: Second\n---\nThe second post.\n")
    assert "Second" not in site.run("draft", "digest", "--now", MONDAY).out
    site.run("publish")
    assert "Second" in site.run("draft", "digest", "--now", MONDAY).out


def test_what_was_published_is_not_written_to(site: Command, tmp_path: Path) -> None:
    site.run("publish")
    elsewhere(site, tmp_path)
    assert "where it lies" in site.run("draft", "digest", "--write", "--now", MONDAY, code=2).err
    (tmp_path / "old").mkdir()
    words = ["import", "jekyll", str(tmp_path / "old"), "--newsletter", "digest"]
    assert "where it lies" in site.run(*words, code=2).err


def test_own_templates_come_along(site: Command, tmp_path: Path) -> None:
    from chalicelib.content.load import BUILT_IN_TEMPLATES

    own = site.site / "templates" / "email" / "digest" / "subject.txt"
    own.parent.mkdir(parents=True)
    own.write_text("Ours: " + (BUILT_IN_TEMPLATES / "email" / "digest" / "subject.txt").read_text("utf-8"), "utf-8")
    site.run("publish")
    elsewhere(site, tmp_path)
    site.run("tick", "--now", MONDAY)
    site.run("tick", "--now", THURSDAY)
    assert all(b"Subject: Ours: " in mail.read_bytes() for mail in site.mails())
    assert len(site.mails()) == 3


def test_what_was_damaged_in_the_store_is_not_ticked_and_said(site: Command, tmp_path: Path) -> None:
    site.run("publish")
    with house_of() as runtime:
        name = next(name for name in runtime.blobs.names("bundles/") if name.endswith("site.zip"))
        raw = runtime.blobs.get(name)
        assert raw
        runtime.blobs.put(name, raw[:50] + b"X" + raw[51:])
    elsewhere(site, tmp_path)
    told = site.run("tick", "--now", MONDAY, code=1).err
    assert "is not what was published" in told
    assert "--rollback" in told


def test_what_a_pipeline_publishes_on_aws_is_what_a_function_shows(
    site: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no secret in the pipeline, and nothing but the bucket and the table in common."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws(), closing(boto3.client("dynamodb")) as dynamodb, closing(boto3.client("s3")) as s3:
        create_table(dynamodb, "news")
        s3.create_bucket(Bucket="news", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for name, value in {"STORE": "aws", "TABLE": "news", "BUCKET": "news"}.items():
            site.setenv(f"SENDBRIEF_{name}", value)
        site.run("publish", "--commit", "abcd1234")
        assert [one["Key"].split("/")[0] for one in s3.list_objects_v2(Bucket="news")["Contents"]] == ["bundles"] * 2
        environment = {
            "SENDBRIEF_STORE": "aws", "SENDBRIEF_TABLE": "news", "SENDBRIEF_BUCKET": "news",
            "SENDBRIEF_CONTENT": "published", "SENDBRIEF_DATA": str(tmp_path / "lambda"),
        }  # fmt: skip
        function = Runtime(load_settings(environment, site=tmp_path))
        assert "Example Guild" in function.site.name.values()
        assert function.root.parent == tmp_path / "lambda" / "bundles"
        site.write("posts/2026-11-21-second.md", "---\ntitle: Second\n---\nThe second post.\n")
        site.run("publish")
        function.follow()
        assert (function.root / "content" / "posts" / "2026-11-21-second.md").exists()
        site.run("publish", "--rollback", "--to", "abcd")
        function.follow()
        assert not (function.root / "content" / "posts" / "2026-11-21-second.md").exists()
