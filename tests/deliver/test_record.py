"""The record of processing says what is really stored: no field more or less, in each language, for each set-up."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.audience.subscriber import (
    Evidence,
    Membership,
    Profile,
    evidence_to_data,
    membership_to_data,
    profile_to_data,
)  # fmt: skip
from chalicelib.audience.suppression import Suppression
from chalicelib.cli.privacy_commands import written
from chalicelib.content.load import load_site
from chalicelib.content.privacy import Privacy
from chalicelib.content.webhooks import Happening, Webhook
from chalicelib.deliver.record import ANSWER_DAYS, KEPT, NOBODYS, kind_of
from chalicelib.errors import RenderError, UsageError
from chalicelib.settings import load_settings
from chalicelib.store import Key
from chalicelib.web.api import idempotency
from tests.audience.house import NOW
from tests.audience.test_erasing import World
from tests.audience.test_erasing import lived as lived
from tests.audience.test_erasing import world as world
from tests.simulation.world import SITE

ROOT = Path(__file__).resolve().parents[2]
FIELDS = {kept.name: set(kept.fields) for kept in KEPT}
HERE = load_settings({}, site=ROOT)


def test_members_profiles_and_evidence_are_told_field_by_field() -> None:
    member = Membership(
        "n", "s", "a", "b", "c", frozenset({"d"}), "monthly", paused_until="e", joined="f", marks=frozenset({"g"}),
        zone="Asia/Tokyo",
    )  # fmt: skip
    assert set(membership_to_data(member)) == FIELDS["membership"]
    assert set(profile_to_data(Profile("s", "a", "b", "c", "d", {"n": "confirmed"}, ("f",)))) == FIELDS["profile"]
    assert set(evidence_to_data(Evidence(NOW, *"abcdefgh"))) == FIELDS["evidence"]
    assert {one.name for one in fields(Suppression)} - {"who"} == FIELDS["suppression"]
    assert idempotency.KEPT.days == ANSWER_DAYS


def test_whatever_a_life_leaves_in_the_store_is_told(world: World) -> None:
    found: dict[str, set[str]] = {}
    for item in world.left():
        kind = kind_of(item.key)
        if kind:
            found.setdefault(kind, set()).update(item.data)
    assert set(found) == set(FIELDS) - {"recipients", "ledger", "answer"}
    for kind, names in found.items():
        assert names <= FIELDS[kind], kind
    for kind in ("request", "change", "moved", "notice", "limit", "bounces", "heard"):
        assert found[kind] == FIELDS[kind]


def test_every_kind_of_item_in_the_code_is_known_here() -> None:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "chalicelib").rglob("*.py"))
    keys = re.findall(r'Key\(\s*f?"([A-Z][A-Z-]+)(?:#[^"]*)?",\s*(?:f?"([A-Z]+)?|)', code)
    begun = {first for first, _ in keys} | set(re.findall(r'(?:f|PARTITION = )"([A-Z][A-Z-]{2,})["#]', code))
    places = {"PROFILE", "CONSENT", "PENDING", "CHANGE", "NOTICE", "CHUNK", "HEARD", "LEDGER", "UNWANTED"}
    places |= {"UPLOAD"}  # of a bundle
    queues = {"QUEUE"}  # as SQS holds it: a task names a person by id until it is done
    partitions = begun - places - {"SUBSCRIBER", "EDITION"} - queues
    assert len(partitions) > 15
    for first in sorted(partitions):
        assert first in NOBODYS or kind_of(Key(f"{first}#x", "x")) in FIELDS, first
    with pytest.raises(KeyError):
        kind_of(Key("PARCEL#1", "x"))


def test_no_item_holds_a_whole_network_address(world: World) -> None:
    text = "\n".join(f"{item.key}{item.data}" for item in world.left())
    assert "192.0.2.1" not in text, "which the requests of this life came from"
    assert "192.0.2" not in text


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_language_says_the_same_of_every_set_up(language: str) -> None:
    site = replace(
        SITE,
        privacy=Privacy(
            {"*": "A | guild\nStreet"}, "data@example.org", {"*": "Dana"}, {"*": "An office"}, {"*": "A host"}, 31, 7
        ),
        webhooks=(Webhook("https://crm.example.org/x?key=1", frozenset(Happening)),),
    )  # fmt: skip
    aws = {"SENDBRIEF_STORE": "aws", "SENDBRIEF_TRANSPORT": "ses", "AWS_REGION": "eu-central-1"}
    smtp = {"SENDBRIEF_TRANSPORT": "smtp", "SENDBRIEF_SMTP_URL": "smtp://ada:hush-hush@mail.example.org"}
    texts = [
        written(site, load_settings(one, site=ROOT), language) for one in ({}, aws, smtp, {**aws, "AWS_REGION": ""})
    ]
    for text in texts:
        for words in (
            "A \\| guild Street |",
            "data@example.org",
            "Dana",
            "An office",
            "crm.example.org",
            " 31 ",
            " 7 ",
        ):
            assert words in text
        assert "hush" not in text
        assert "key=1" not in text
        assert all(f"\n- `{field}`: " in text for kept in KEPT for field in kept.fields)
        assert text.count("\n## ") == 8
        assert "\n\n\n" not in text
    assert ("A host" in texts[0], "eu-central-1" in texts[1], "mail.example.org" in texts[2]) == (True, True, True)
    assert len(set(texts)) == 4


def test_the_projects_own_record_is_up_to_date() -> None:
    site = load_site(ROOT).require()
    told = (ROOT / "docs" / "privacy.md").read_text("utf-8")
    assert written(site, HERE, "en") == told, "run: sendbrief privacy --site . > docs/privacy.md"


def test_a_site_may_have_its_own_and_hears_where_it_is_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "privacy"
    folder.mkdir(parents=True)
    (folder / "fr.md").write_text("# {{ site }}\n", "utf-8")
    site: Any = replace(SITE, root=tmp_path)
    assert written(site, HERE, "fr") == "# Open Example Cloud\n"
    (folder / "fr.md").write_text("# ok\n{{ nothing }}\n", "utf-8")
    with pytest.raises(RenderError, match=r"fr\.md"):
        written(site, HERE, "fr")
    (folder / "fr.md").write_text("# ok\n{% if %}\n", "utf-8")
    with pytest.raises(RenderError, match=r"fr\.md:2"):
        written(site, HERE, "fr")
    with pytest.raises(UsageError, match="'it'"):
        written(site, HERE, "it")
