"""What the command says of costs: before a send, of a month, in words and for programs."""

import shutil
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.cli.house import EDITION, MONDAY, SITE, THURSDAY, Command, small_site

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site(command: Command) -> Command:
    return small_site(command, readers=3)


def test_a_mail_of_ones_own_server_costs_nothing(site: Command) -> None:
    said = "digest/2026-11-26: 3 recipients, none for a mail sent by maildir"
    assert site.run("cost", "--next", "--now", MONDAY).out.strip() == said
    assert site.run("cost", "digest", "--now", MONDAY).out.strip() == said


def test_before_a_send_by_the_plan_of_the_account(site: Command) -> None:
    site.setenv("SENDBRIEF_TRANSPORT", "ses")
    (row,) = site.run("cost", "--next", "--now", MONDAY, "--json").json
    assert (row["edition"], row["recipients"], row["transport"], row["plan"]) == (EDITION, 3, "ses", "essentials")
    assert (row["mails"], row["rest"], row["dollars"]) == ("0.0005", "0.0000", "0.01"), "the store is no cloud's"
    (row,) = site.run("cost", "--next", "--now", MONDAY, "--json", "--plan", "a-la-carte").json
    assert (row["mails"], row["plan"]) == ("0.0003", "a-la-carte")
    site.setenv("SENDBRIEF_SES_PLAN", "a-la-carte")
    assert "SES at $0.10 for 1,000 mails" in site.run("cost", "digest", "--now", MONDAY).out


def test_a_made_edition_by_those_it_was_planned_for(site: Command) -> None:
    site.run("tick", "--now", MONDAY)
    site.run("tick", "--now", THURSDAY)
    site.run("subscribers", "add", "late@example.org", "--newsletter", "digest", "--basis", "consent")
    assert site.run("cost", EDITION).out.startswith(f"{EDITION}: 3 recipients")


def test_a_month_by_what_was_sent(site: Command) -> None:
    site.run("tick", "--now", MONDAY)
    site.run("tick", "--now", THURSDAY)
    ran = site.run("cost", "--month", "2026-11")
    assert ran.out.splitlines() == [
        f"{EDITION}: 3 mails", "2026-11: 3 mails of 1 edition: none for a mail sent by maildir",
    ]  # fmt: skip
    assert site.run("cost", "--month", "2026-10").out.strip().startswith("2026-10: 0 mails")
    site.setenv("SENDBRIEF_TRANSPORT", "ses")
    found = site.run("cost", "--month", "2026-11", "--json").json
    assert (found["editions"], found["mails"], found["idle"]) == ([{"edition": EDITION, "mails": 3}], 3, "0")
    assert found["dollars"] == "0.01"


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["digest", "--next"], ["--next", "--month", "2026-11"], ["--month", "2026-13"], ["--month", "11/2026"],
        ["--next", "--plan", "gold"], ["nothing"], ["digest/1999-01-01"],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(site: Command, arguments: list[str]) -> None:
    assert "Error:" in site.run("cost", *arguments, code=2).err


def test_a_preview_and_a_proof_say_it(site: Command) -> None:
    site.run("preview", "digest", "--out", str(site.data / "out"), "--now", MONDAY, "--no-pictures")
    assert "none for a mail sent by maildir" in (site.data / "out" / "index.html").read_text("utf-8")
    site.run("proof", "digest", "--to", "ed@example.org")
    assert len(site.mails()) == 2, "one in each language"
    told = "Only in this proof. Readers: up to 3. Cost: none for a mail sent by maildir."
    assert all(told in said for said in proofs(site))


def test_the_proof_of_a_tick_says_it_and_the_edition_does_not(site: Command) -> None:
    site.write("site.yaml", f"{SITE}editors: [ed@example.org]\n")
    site.run("tick", "--now", "2026-11-25T10:00")
    assert len(proofs(site)) == 4, "HTML and text in each language"
    assert all("Readers: up to 3. Cost: none" in said for said in proofs(site))
    site.run("tick", "--now", THURSDAY)
    assert sum("Readers: up to" not in said for said in proofs(site)) == 3 * 2


@pytest.mark.parametrize(("use", "least", "most"), [("none", 0, 0), ("publish", 1000, 20_000)])
def test_calendar_files_are_attachments(command: Command, use: str, least: int, most: int) -> None:
    shutil.copytree(ROOT / "content", command.site / "content", dirs_exist_ok=True)
    yaml = command.site / "content" / "newsletters" / "community-digest.yaml"
    yaml.write_text(f"{yaml.read_text('utf-8')}\ncalendar: {use}\n", "utf-8")
    command.setenv("SENDBRIEF_TRANSPORT", "ses")
    (row,) = command.run("cost", "community-digest", "--now", "2026-11-17T12:00", "--json").json
    assert least <= row["attachment_bytes"] <= most


def proofs(site: Command) -> list[str]:
    """What all mails so far say, as HTML and as text."""
    found = []
    for mail in site.mails():
        parts = message_from_bytes(mail.read_bytes(), policy=policy.default)
        for kind in ("plain", "html"):
            part = parts.get_body((kind,))
            assert part is not None
            found.append(" ".join(part.get_content().split()))
    return found
