"""Mail servers' logs as evidence: what a server took, gave on or gave up, and nothing that it merely saw."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.deliver.ledger import News
from chalicelib.deliver.maillog import Evidence, LogReader

ID = "digest.2026-11-26.0.1.abcdefghij@example.org"
PLACES = {ID: (0, 1), "digest.2026-11-26.0.2.abcdefghij@example.org": (0, 2)}
AT = "Nov 26 10:00:01 mail postfix"
SEEN = f"{AT}/cleanup[123]: 4Xyz8Q2abcz1: message-id=<{ID}>"
ACTIVE = f"{AT}/qmgr[9]: 4Xyz8Q2abcz1: from=<bounces@example.org>, size=9876, nrcpt=1 (queue active)"
TO = f"{AT}/smtp[124]: 4Xyz8Q2abcz1: to=<ada@example.com>, relay=mx.example.com[192.0.2.1]:25, delay=1.2, dsn=2.0.0,"
REMOVED = f"{AT}/qmgr[9]: 4Xyz8Q2abcz1: removed"
EXIM = "2026-11-26 10:00:01 1vNb2c-000000012Ab-3CdE"
ARRIVED = f"{EXIM} <= news@example.org H=localhost [127.0.0.1] P=esmtp S=9876 id={ID}"


def read(*lines: str) -> dict[tuple[int, int], Evidence]:
    reader = LogReader(PLACES.get)
    reader.read(lines)
    return reader.found


@pytest.mark.parametrize(
    ("lines", "news", "words"),
    [
        ((SEEN, ACTIVE), News.SENT, ""),
        ((SEEN, ACTIVE, f"{TO} status=sent (250 2.0.0 OK 1764147601)"), News.DELIVERED, ""),
        ((SEEN, ACTIVE, f"{TO} status=deferred (450 4.2.0 greylisted)"), News.SENT, ""),
        (
            (SEEN, ACTIVE, f"{TO} status=bounced (host mx said: 550 5.1.1 unknown)"),
            News.BOUNCED, "host mx said: 550 5.1.1 unknown",
        ),
        ((SEEN, f"{AT}/qmgr[9]: 4Xyz8Q2abcz1: from=<>, status=expired, returned to sender"), News.BOUNCED,
         ", returned to sender"),
        ((SEEN, ACTIVE, f"{TO} status=deferred (x)", f"{TO} status=sent (250 OK)", REMOVED), News.DELIVERED, ""),
        ((SEEN, f"{TO} status=sent (250 OK)".replace("mx.example.com[192.0.2.1]:25", "127.0.0.1[127.0.0.1]:10024")),
         News.SENT, ""),
        ((SEEN, f"{TO} status=sent (saved)".replace("mx.example.com[192.0.2.1]:25", "localhost[127.0.0.1]:24")),
         News.DELIVERED, ""),
        ((SEEN, f"{TO} status=sent (delivered to maildir)".replace("mx.example.com[192.0.2.1]:25", "virtual")),
         News.DELIVERED, ""),
        ((ARRIVED,), News.SENT, ""),
        ((ARRIVED, f"{EXIM} => ada@example.com R=dnslookup T=remote_smtp H=mx C=\"250 OK\""), News.DELIVERED, ""),
        ((ARRIVED, f"{EXIM} == ada@example.com R=dnslookup T=remote_smtp defer (-53): retry"), News.SENT, ""),
        ((ARRIVED, f"{EXIM} ** ada@example.com R=dnslookup: 550 5.1.1 unknown", f"{EXIM} Completed"), News.BOUNCED,
         "550 5.1.1 unknown"),
        ((ARRIVED.replace("1vNb2c-000000012Ab-3CdE", "1vNb2c-0001Ab-Cd"),), News.SENT, ""),
    ],
)  # fmt: skip
def test_what_a_server_says_it_did_is_evidence(lines: tuple[str, ...], news: News, words: str) -> None:
    assert read(*lines) == {(0, 1): Evidence(news, words)}
    reader = LogReader(PLACES.get)
    for line in lines:  # as it comes out of several files
        reader.read([line])
    assert reader.found == {(0, 1): Evidence(news, words)}


@pytest.mark.parametrize(
    "lines",
    [
        (SEEN,),  # cut off after the header: lost connection after DATA
        (SEEN, REMOVED, ACTIVE),  # the queue id is another mail's by now
        (SEEN, f"{AT}/cleanup[5]: 4Xyz8Q2abcz1: message-id=<other@example.org>", ACTIVE),
        (f"{AT}/cleanup[123]: 4Xyz8Q2abcz1: message-id=<x{ID}>", ACTIVE),
        (ACTIVE, f"{TO} status=sent (250 OK)"),
        (f"{AT}/smtpd[1]: NOQUEUE: reject: RCPT from x: 550 message-id=<{ID}>",),
        (ARRIVED.replace(ID, "other@example.org"), f"{EXIM} => ada@example.com"),
        (f"{EXIM} => ada@example.com id={ID}",),
        (),
    ],
)
def test_what_it_merely_saw_or_did_to_others_is_none(lines: tuple[str, ...]) -> None:
    assert read(*lines) == {}


def test_a_bounce_wins_over_a_delivery_through_a_filter() -> None:
    second = [line.replace("4Xyz8Q2abcz1", "4Xyz8Qfilter") for line in (SEEN, f"{TO} status=bounced (550 no)")]
    assert read(*second, SEEN, f"{TO} status=sent (250 OK)")[(0, 1)].news is News.BOUNCED


@given(st.lists(st.sampled_from([SEEN, ACTIVE, TO, REMOVED, ARRIVED, f"{EXIM} Completed", "]: ", "status=sent", "\0"])))
@settings(max_examples=30)
def test_whatever_lines_come_it_reads_on(lines: list[str]) -> None:
    assert set(read(*lines, "".join(lines))) <= {(0, 1)}


@pytest.mark.parametrize("part", ["]: A: ", "message-id=<", "status=", "relay=", " id=", "1vNb2c-", "127.0.0.1:", " "])
def test_a_line_without_end_takes_no_longer(part: str) -> None:
    assert read(f"{AT}/smtp[1]: 4Xyz8Q2abcz1: " + part * 100_000, part * 100_000) == {}
