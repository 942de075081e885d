"""A mailbox of bounces on an IMAP server: read, marked, moved, and asked again when the server was away."""

import pytest

from chalicelib.deliver.hearing.imap import ImapInbox
from chalicelib.deliver.hearing.inboxes import ImapPlace, imap_place, open_inbox
from chalicelib.errors import InboxError
from tests.imap_server import USER, ImapServer


def test_imap_mails_are_read_unmarked_then_marked_and_moved() -> None:
    with ImapServer(b"From: a\r\n\r\none", b"two") as server:
        inbox = open_inbox(f"{server.url}?move=Heard")
        mails = dict(inbox.mails())
        assert mails == {"1": b"From: a\r\n\r\none", "2": b"two"}
        assert server.seen == set(), "reading marks nothing"
        inbox.done("1")
        assert (server.seen, server.folders) == ({1}, {"INBOX": {2: b"two"}, "Heard": {1: b"From: a\r\n\r\none"}})
        assert dict(inbox.mails()) == {"2": b"two"}
        inbox.close()
        assert dict(inbox.mails()) == {"2": b"two"}, "it connects again"
        inbox.close()


def test_a_server_that_cannot_move_keeps_them_in_their_folder_as_seen() -> None:
    with ImapServer(b"one", moves=False) as server:
        inbox = open_inbox(f"{server.url}?move=Heard")
        inbox.done("1")
        assert (server.seen, list(server.folders["INBOX"]), dict(inbox.mails())) == ({1}, [1], {})
        inbox.close()


@pytest.mark.parametrize("cut", ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH"])
def test_a_server_that_hangs_up_is_named_and_asked_again(cut: str) -> None:
    with ImapServer(b"one") as server:
        inbox = open_inbox(server.url)
        server.cut = cut
        with pytest.raises(InboxError, match=r"bounces at 127\.0\.0\.1:\d+.* can't be read"):
            list(inbox.mails())
        server.cut = ""
        assert dict(inbox.mails()) == {"1": b"one"}
        inbox.close()


def test_a_large_mailbox_is_looked_through_in_parts_and_nothing_of_it_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand UIDs in one line are more than imaplib reads, and then nothing was ever heard again."""
    monkeypatch.setattr("chalicelib.deliver.hearing.imap.WINDOW", 10)
    with ImapServer(*(b"%d" % number for number in range(35))) as server:
        server.seen = {1, 12}
        inbox = open_inbox(f"{server.url}?move=Heard")
        heard = []
        for name, raw in inbox.mails():
            inbox.done(name)
            heard.append(raw)
        inbox.close()
        asked = [command for command in server.commands if command.startswith("UID SEARCH")]
    assert heard == [b"%d" % number for number in range(35) if number not in {0, 11}]
    assert asked == [f"UID SEARCH {span} UNSEEN UNDELETED" for span in ("1:10", "11:20", "21:30", "31:35")]


@pytest.mark.parametrize("count", [b"many", b"-", b"1 2"])
def test_a_server_that_cannot_count_is_named(count: bytes) -> None:
    with ImapServer(b"one") as server:
        server.exists = count
        with pytest.raises(InboxError, match="can't be read"):
            list(open_inbox(server.url).mails())


def test_an_empty_mailbox_is_not_searched() -> None:
    with ImapServer() as server:
        inbox = open_inbox(server.url)
        assert list(inbox.mails()) == []
        inbox.close()
        assert not [command for command in server.commands if command.startswith("UID")]


def test_what_a_server_repeats_of_the_password_is_not_shown() -> None:
    with ImapServer() as server:
        port = imap_place(server.url).port
        with pytest.raises(InboxError) as caught:
            list(ImapInbox(ImapPlace("127.0.0.1", port, USER, "wr0ng-secret", tls=False)).mails())
    assert "can't be read" in str(caught.value)
    assert "wr0ng" not in str(caught.value)
    assert "wr0ng" not in repr(ImapPlace("127.0.0.1", port, USER, "wr0ng-secret"))
