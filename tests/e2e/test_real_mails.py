"""Every mail of a year of real posts, read by two parsers: nothing missing, nothing that a server would refuse."""

import asyncio
import re
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from html import unescape
from zoneinfo import ZoneInfo

import fast_mail_parser
import pytest

from chalicelib.audience.audience import make_member
from chalicelib.audience.subscriber import Basis
from chalicelib.clock import clock_starting_at
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from tests.corpus import make_site, needs_corpus

pytestmark = [needs_corpus, pytest.mark.slow]
READERS = [
    ("ada@example.org", "Ada", "en"),
    ("mueller@example.com", "Jürgen Müller-Lüdenscheidt", "de"),
    ("li@example.org", "李小龍", "en"),
    ("quotes@example.org", 'Łukasz "Luke" O\'Brien, Jr.', "de"),
]


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What a Maildir holds after every second Thursday of 2022, with CRLF as on the wire."""
    root = tmp_path_factory.mktemp("year")
    settings = Settings(site=make_site(root / "site"), data=root / "data", maildir=root / "maildir")
    first = datetime(2022, 1, 6, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    for week in range(0, 52, 2):
        moment = first + timedelta(weeks=week)
        runtime = Runtime(settings, clock_starting_at(moment))
        if week == 0:
            _subscribe(runtime)
        report = asyncio.run(runtime.ticker().tick_and_send(moment, runtime.worker()))
        assert report.troubles == []
        runtime.close()
    return [re.sub(rb"\r?\n", b"\r\n", path.read_bytes()) for path in (root / "maildir" / "new").iterdir()]


def _subscribe(runtime: Runtime) -> None:
    for newsletter in runtime.site.newsletters:
        members = [make_member(runtime.secrets, newsletter, *reader) for reader in READERS]
        runtime.audience.subscribe(members, Basis.CONSENT, "test", runtime.clock())


def test_there_are_mails_in_both_languages(mails: list[bytes]) -> None:
    languages = {message_from_bytes(mail)["Content-Language"] for mail in mails}
    assert languages == {"en", "de"}
    assert len(mails) > 60


def test_no_line_is_over_998_bytes_and_all_is_ascii(mails: list[bytes]) -> None:
    for mail in mails:
        assert max(map(len, mail.split(b"\r\n"))) <= 998
        assert mail.isascii()


def test_another_parser_reads_the_same(mails: list[bytes]) -> None:
    for mail in mails:
        ours, theirs = message_from_bytes(mail, policy=policy.default), fast_mail_parser.parse_email(mail)
        assert theirs.subject == ours["Subject"]
        plain, html = ours.get_body(("plain",)), ours.get_body(("html",))
        assert plain is not None
        assert html is not None
        assert [text.replace("\r\n", "\n") for text in theirs.text_plain] == [plain.get_content().replace("\r\n", "\n")]
        assert [text.replace("\r\n", "\n") for text in theirs.text_html] == [html.get_content().replace("\r\n", "\n")]
        for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Message-ID", "Auto-Submitted", "Date"):
            assert theirs.headers[name] == [ours[name]], name
        assert ours["List-Unsubscribe"].startswith("<https://news.example.org/u/")


def test_every_link_of_the_html_stands_in_the_text(mails: list[bytes]) -> None:
    for mail in mails:
        message = message_from_bytes(mail, policy=policy.default)
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None
        assert html is not None
        links = {unescape(link) for link in re.findall(r'<a\b[^>]*?href="([^"]+)"', html.get_content())}
        text = re.sub(r"\s+", " ", plain.get_content())
        assert [link for link in sorted(links) if link.removeprefix("mailto:") not in text] == [], message["Subject"]
        assert len(links) > 3


def test_no_leftover_of_a_template_reaches_a_reader(mails: list[bytes]) -> None:
    for mail in mails:
        message = message_from_bytes(mail, policy=policy.default)
        for subtype in ("plain", "html"):
            part = message.get_body((subtype,))
            assert part is not None
            content = part.get_content()
            assert "{%" not in content
            assert "&amp;amp;" not in content
            assert "\x02" not in content
            assert "\x03" not in content


def test_nobody_gets_a_mail_twice(mails: list[bytes]) -> None:
    ids = [message_from_bytes(mail)["Message-ID"] for mail in mails]
    assert len(ids) == len(set(ids))
