"""Where bounces come in: what a setting names, and a Maildir, of which nothing is lost (IMAP: tests/e2e)."""

import os
from pathlib import Path

import pytest

from chalicelib.deliver.hearing.inboxes import ImapPlace, imap_place, open_inbox
from chalicelib.deliver.hearing.maildir import MaildirInbox
from chalicelib.errors import ConfigurationError, InboxError
from tests.imap_server import PASSWORD, USER


def maildir(folder: Path, *mails: str) -> Path:
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(mails):
        (folder / "new" / f"{number}.host").write_text(text)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(f"{path.parent.name}/{path.name}" for part in ("cur", "new") for path in (folder / part).iterdir())


def test_a_maildirs_new_and_unseen_mails_are_read_and_kept_as_seen(tmp_path: Path) -> None:
    folder = maildir(tmp_path, "one", "two", "three")
    (folder / "cur" / "9.host:2,F").write_text("flagged")
    (folder / "cur" / "8.host:2,RS").write_text("seen")
    (folder / "cur" / "7.host:2,T").write_text("trashed")
    (folder / "new" / ".hidden").write_text("a program's own")
    (folder / "new" / "6.link").symlink_to(folder / "cur" / "8.host:2,RS")
    os.mkfifo(folder / "new" / "5.pipe")
    inbox = MaildirInbox(folder)
    heard = {}
    for name, raw in inbox.mails():
        heard[name] = raw
        if raw != b"two":
            inbox.done(name)
    assert heard == {"new/0.host": b"one", "new/1.host": b"two", "new/2.host": b"three", "cur/9.host:2,F": b"flagged"}
    assert names(folder) == [
        "cur/0.host:2,S", "cur/2.host:2,S", "cur/7.host:2,T", "cur/8.host:2,RS", "cur/9.host:2,FS",
        "new/.hidden", "new/1.host", "new/5.pipe", "new/6.link",
    ]  # fmt: skip
    assert [raw for _, raw in inbox.mails()] == [b"two"], "what was not done with comes again"


def test_no_mail_of_a_maildir_is_ever_written_over(tmp_path: Path) -> None:
    folder = maildir(tmp_path, "new one")
    (folder / "cur" / "0.host:2,S").write_text("older one of the same name")
    inbox = MaildirInbox(folder)
    inbox.done("new/0.host")
    assert sorted(path.read_text() for path in (folder / "cur").iterdir()) == ["new one", "older one of the same name"]
    inbox.done("new/0.host")  # another program was first


def test_a_mail_that_another_program_takes_meanwhile_is_passed_over(tmp_path: Path) -> None:
    folder = maildir(tmp_path, "one", "two")
    mails = MaildirInbox(folder).mails()
    next(mails)
    (folder / "new" / "1.host").unlink()
    assert list(mails) == []


def test_a_mail_that_cannot_be_read_is_named_after_all_others(tmp_path: Path) -> None:
    folder = maildir(tmp_path, "one", "two")

    class Guarded(MaildirInbox):
        def _read(self, name: str) -> bytes | None:
            if name == "new/0.host":
                raise PermissionError(13, "Permission denied", str(folder / name))
            return super()._read(name)

    mails = Guarded(folder).mails()
    assert next(mails) == ("new/1.host", b"two")
    with pytest.raises(InboxError, match=r"0\.host: Permission denied"):
        next(mails)


def test_a_maildir_that_is_none_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InboxError, match=r"SENDBRIEF_BOUNCES|No such file"):
        list(open_inbox(f"maildir:{tmp_path}/nowhere").mails())


def test_a_url_says_account_folder_and_where_mails_go() -> None:
    place = imap_place("imaps://b%40x:p%3A%2Fw@mail.example.org/Bounces%20of%20mails?move=Done")
    assert place == ImapPlace("mail.example.org", 993, "b@x", "p:/w", "Bounces of mails", True, "Done")
    assert imap_place(f"imap://{USER}:x@localhost:1143") == ImapPlace("localhost", 1143, USER, "x", "INBOX", False)
    assert imap_place("imap://u:x@[::1]/").port == 143
    assert imap_place("imaps://u:hush%20p%40ss%2F%25@h.example/").password == PASSWORD


@pytest.mark.parametrize(("url", "words"), [
    ("imap://u:secret@mail.example.org/", "in the clear"),
    ("imap://u:secret@localhost.example.org/", "in the clear"),
    ("imaps://u@h.example/", "no user and password"),
    ("imaps://:secret@h.example/", "no user and password"),
    ("imaps://u:@h.example/", "no user and password"),
    ("imaps://u:sec%zzret@h.example/", "can be read"),
    ("imaps://u:secret%0d@h.example/", "control character"),
    ("imaps://u:secret@h.example:99999/", "65535"),
    ("imaps://u:secret@/INBOX", "no host"),
    ("imaps://u:secret@h.example/IN%22BOX", "folder"),
    ("imaps://u:secret@h.example/INBOX?delete=yes", "option"),
    ("imaps://u:secret@h.example/INBOX#secret", "after the folder"),
    ("imaps://u:sec ret@h.example/", "blank"),
    ("pop3://u:secret@h.example/", "begins with none"),
    ("maildir:relative", "whole path"),
])  # fmt: skip
def test_a_url_that_cannot_work_is_refused_without_being_shown(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        open_inbox(url)
    assert "sec" not in str(caught.value)
    assert "SENDBRIEF_BOUNCES" in str(caught.value)
