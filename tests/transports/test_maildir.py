"""The Maildir: whole files or none, what an inbox page reads, and what a full disk means."""

import asyncio
import mailbox
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.errors import TransportUnavailableError
from chalicelib.transports import Fate, Mail, Outcome
from chalicelib.transports.maildir import MaildirTransport, delete_mails, read_mail, read_maildir
from tests.transports.mails import mail, mails, message


def deliver(directory: Path, wave: list[Mail]) -> list[Outcome]:
    return asyncio.run(MaildirTransport(directory).send_wave(wave))


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    outcomes = deliver(tmp_path / "box", mails(3))
    box = mailbox.Maildir(tmp_path / "box", create=False)
    try:
        assert sorted(box.keys()) == sorted(outcome.provider_id for outcome in outcomes)
        found = box.get(outcomes[1].provider_id)
        assert found is not None
        assert found["Delivered-To"] == "reader1@example.org"
        assert found["Return-Path"] == "<news@example.org>"
        assert found["Subject"] == "Number 1"
    finally:
        box.close()
    assert list((tmp_path / "box" / "tmp").iterdir()) == []


def test_files_have_plain_line_ends_and_are_the_owners_alone(tmp_path: Path) -> None:
    deliver(tmp_path / "box", [mail(1)])
    [(_, path)] = read_maildir(tmp_path / "box")
    assert b"\r" not in path.read_bytes()
    assert stat.S_IMODE((tmp_path / "box").stat().st_mode) == 0o700


def test_mails_come_in_the_order_of_their_delivery(tmp_path: Path) -> None:
    for start in (0, 40):
        deliver(tmp_path, [mail(n) for n in range(start, start + 40)])
    subjects = []
    for name, _ in read_maildir(tmp_path):
        found = read_mail(tmp_path, name)
        assert found is not None
        subjects.append(found["Subject"])
    assert subjects == [f"Number {n}" for n in range(80)]


def test_a_mail_that_was_read_is_still_there(tmp_path: Path) -> None:
    [outcome] = deliver(tmp_path, [mail(1)])
    name = f"{outcome.provider_id}:2,S"
    (tmp_path / "new" / outcome.provider_id).rename(tmp_path / "cur" / name)
    assert [found for found, _ in read_maildir(tmp_path)] == [name]
    found = read_mail(tmp_path, name)
    assert found is not None
    assert found["X-Test"] == "kept"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../secret",
        "new/../../secret",
        "/etc/hostname",
        "secret\0",
        "\n",
        "a\n",
        "..%2fsecret",
        "link",
        "x" * 300,
    ],
)
def test_no_name_leads_out_of_the_maildir(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(message(1))
    deliver(tmp_path / "box", [mail(1)])
    (tmp_path / "box" / "new" / "link").symlink_to(tmp_path / "secret")
    assert read_mail(tmp_path / "box", name) is None
    assert len(read_maildir(tmp_path / "box")) == 1


def test_no_maildir_is_an_empty_one(tmp_path: Path) -> None:
    assert read_maildir(tmp_path / "none") == []
    assert read_mail(tmp_path / "none", "1.M1P1Q1.host") is None


def test_a_place_that_can_not_be_a_maildir(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TransportUnavailableError, match="file") as caught:
        deliver(tmp_path / "file", mails(2))
    assert caught.value.hint


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a full disk is like: a write beyond the limit fails (Python ignores SIGXFSZ)."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_disk_that_fills_up_in_mid_wave_defers_the_rest(tmp_path: Path) -> None:
    wave = [mail(0), mail(1, content=message(1, b"x\r\n" * 40_000)), mail(2)]
    with files_of_at_most(50_000):
        outcomes = deliver(tmp_path, wave)
    assert [outcome.fate for outcome in outcomes] == [Fate.SENT, Fate.DEFERRED, Fate.DEFERRED]
    assert os.strerror(27) in outcomes[1].reason
    assert len(read_maildir(tmp_path)) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_disk_that_is_full_from_the_start(tmp_path: Path) -> None:
    with files_of_at_most(50), pytest.raises(TransportUnavailableError, match="nothing was handed over"):
        deliver(tmp_path, mails(3))
    assert read_maildir(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_two_processes_worth_of_transports_do_not_collide(tmp_path: Path) -> None:
    first, second = MaildirTransport(tmp_path), MaildirTransport(tmp_path)

    async def both() -> None:
        await asyncio.gather(first.send_wave(mails(30)), second.send_wave(mails(30)))

    asyncio.run(both())
    assert len(read_maildir(tmp_path)) == 60


def test_the_mails_of_one_recipient_are_deleted_and_no_others(tmp_path: Path) -> None:
    deliver(tmp_path, [mail(recipient=to) for to in ("ada@example.org", "bo@example.org", "ADA@example.org")])
    (tmp_path / "cur" / "broken").write_bytes(b"no envelope: Delivered-To: ada@example.org")
    assert delete_mails(tmp_path, lambda address: address.lower() == "ada@example.org") == 2
    left = [path.read_bytes() for name, path in read_maildir(tmp_path) if name != "broken"]
    assert [b"Delivered-To: bo@example.org" in raw for raw in left] == [True]
    assert delete_mails(tmp_path / "nowhere", lambda _: True) == 0
