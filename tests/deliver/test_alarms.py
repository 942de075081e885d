"""Alarms: the editors are told once a day of what waits for them, whatever stands still, and no longer than it does."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.collect.health import Health, HealthStore
from chalicelib.content.values import Source, SourceKind
from chalicelib.deliver.alarms import Alarm, AlarmKind, Alarms
from chalicelib.deliver.chunks import task_body
from chalicelib.deliver.control import halt
from chalicelib.deliver.ledger import News
from chalicelib.errors import StoreUnavailableError, TransportUnavailableError
from chalicelib.lint.mail_files import lint_mail_file
from chalicelib.metrics import metering
from chalicelib.store import Queue
from chalicelib.transports import Fate, Mail, Outcome
from tests.deliver.house import ID, House, all_sent
from tests.deliver.watched import braking_of, now_of, refusing, work
from tests.simulation.world import SITE, SLOT

EDITED = replace(SITE, editors=("ed@example.org", "eva@example.org"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, site=EDITED)
    made.start()
    yield made
    made.database.close()


class Box:
    """What the editors got."""

    def __init__(self, house: House) -> None:
        self.mails = list[Mail]()
        house.transport.script = self.keep

    async def keep(self, mails: Sequence[Mail]) -> list[Outcome]:
        self.mails += mails
        return await all_sent(mails)

    def messages(self) -> list[EmailMessage]:
        return [cast(EmailMessage, message_from_bytes(mail.content, policy=policy.default)) for mail in self.mails]


def alarms(house: House, words: str = "", **queues: Queue) -> Alarms:
    editions, chunks = house.dispatcher.editions, house.dispatcher.chunks
    return Alarms(house.site, house.table, editions, chunks, lambda: {"chunks": house.queue, **queues}, lambda: words)


def opened(house: House, words: str = "") -> list[Alarm]:
    return alarms(house, words).open(now_of(house))


def tell(house: House, words: str = "") -> list[str]:
    return asyncio.run(alarms(house, words).tell(lambda: house.transport, now_of(house)))


def test_a_good_day_has_none(house: House) -> None:
    box = Box(house)
    assert (opened(house), tell(house), box.mails) == ([], [], [])


def test_the_brake_is_told_to_each_editor_once_a_day_until_it_is_let_go(house: House) -> None:
    house.transport.script = refusing(lambda _: True)
    work(house)
    (alarm,) = opened(house)
    assert (alarm.kind, alarm.edition) == (AlarmKind.BRAKE, ID)
    assert alarm.words.startswith(f"{ID} was stopped: the brake: 5 of 5 mails came back")
    box = Box(house)
    for hours, mails in ((0, 2), (1, 2), (23, 2), (25, 4)):
        house.passed = hours * 3600.0
        assert tell(house) == []
        assert len(box.mails) == mails, hours
    assert {mail.recipient for mail in box.mails} == set(EDITED.editors)
    assert len({message["Message-ID"] for message in box.messages()}) == 4
    house.control.resume(ID, now_of(house))
    assert opened(house) == []


def test_a_second_stop_within_the_day_is_told_again(house: House) -> None:
    box = Box(house)
    for count in (2, 4):
        halt(house.dispatcher.editions, ID, now_of(house), "too many", "brake")
        tell(house)
        assert len(box.mails) == count
        house.control.resume(ID, now_of(house))


@pytest.mark.parametrize(("language", "subject"), [("en", f"Stopped: {ID}"), ("de", f"Angehalten: {ID}")])
def test_the_mail_says_what_and_what_to_do_in_the_site_s_first_language(
    house: House, language: str, subject: str
) -> None:
    house.site = replace(EDITED, languages=(language, "fr"))
    halt(house.dispatcher.editions, ID, now_of(house), "the brake: 5 of <5> mails", "brake")
    box = Box(house)
    assert tell(house) == []
    message = box.messages()[0]
    assert (message["Subject"], message["Content-Language"]) == (subject, language)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] is None, "it is no list's mail"
    html, plain = (part.get_content() for kind in ("html", "plain") if (part := message.get_body((kind,))))
    assert "5 of &lt;5&gt; mails" in html
    for text in (html, plain):
        assert f"sendbrief resume {ID}" in text
        assert f"sendbrief cancel {ID}" in text
    found = lint_mail_file("alarm.eml", box.mails[0].content)
    assert [f"{one.code} {one.message}" for one in found if str(one.severity) == "error"] == []


@pytest.mark.parametrize("kind", list(AlarmKind))
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_kind_has_its_words(house: House, kind: AlarmKind, language: str) -> None:
    house.site = replace(EDITED, languages=(language,))
    letter = alarms(house)._letter(Alarm(kind, "words", ID, ("sendbrief status",)))
    assert letter.variant == language


def test_a_transport_that_is_down_is_named_and_the_next_tick_tells(house: House) -> None:
    async def down(_: Sequence[Mail]) -> list[Outcome]:
        raise TransportUnavailableError("the server is down")

    async def later(mails: Sequence[Mail]) -> list[Outcome]:
        return [Outcome(Fate.DEFERRED, "450 later") for _ in mails]

    for script, words in ((down, "the server is down"), (later, "450 later")):
        house.transport.script = script
        (said,) = tell(house, "SES has paused this account.")
        assert words in said
    box = Box(house)
    assert tell(house, "SES has paused this account.") == []
    assert [message["Subject"] for message in box.messages()] == ["The provider takes no mail"] * 2


def test_one_editor_whose_server_is_busy_does_not_have_the_others_told_again(house: House) -> None:
    async def busy(mails: Sequence[Mail]) -> list[Outcome]:
        return [
            Outcome(Fate.DEFERRED, "450 later") if "eva" in mail.recipient else Outcome(Fate.SENT) for mail in mails
        ]

    house.transport.script = busy
    assert tell(house, "SES has paused this account.") == []
    box = Box(house)
    assert tell(house, "SES has paused this account.") == []
    assert box.mails == []


def test_without_editors_nobody_is_written_to(house: House) -> None:
    house.site = SITE
    box = Box(house)
    assert tell(house, "SES has paused this account.") == []
    assert box.mails == []
    assert [alarm.kind for alarm in opened(house, "SES has paused this account.")] == [AlarmKind.PROVIDER]


def test_dead_letters_are_counted(house: House) -> None:
    house.queue.receive(10)
    house.queue.send([task_body("digest/none", 0)])
    for _ in range(3):
        for message in house.queue.receive(10):
            house.queue.release(message)
    house.queue.receive(10)
    (alarm,) = opened(house)
    assert (alarm.kind, alarm.words) == (AlarmKind.DEAD, "One chunk is a dead letter: their recipients wait.")


class Dead:
    """A queue with so many dead letters, or one that can't be looked at."""

    def __init__(self, count: int, error: str = "") -> None:
        self.count, self.error, self.looks = count, error, 0

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody asks for {name}")

    def dead(self) -> list[str]:
        self.looks += 1
        if self.error:
            raise StoreUnavailableError(self.error)
        return ["x"] * self.count


def test_dead_letters_of_notices_and_events_are_alarms_of_their_own_with_one_look_at_each(house: House) -> None:
    for notices, events, wanted in (
        (0, 0, []),
        (1, 0, ["One mail to a single person is a dead letter: whoever asked for it waits."]),
        (2, 1, ["2 mails to single people are dead letters: whoever asked for them waits.",
                "One event of the provider is a dead letter: what it tells of a mail is not known."]),
        (0, 10, ["10 events of the provider are dead letters: what they tell of mails is not known."]),
    ):  # fmt: skip
        queues: Any = {"notices": Dead(notices), "events": Dead(events)}
        found = alarms(house, "", **queues).open(now_of(house))
        assert [(alarm.kind, alarm.words) for alarm in found] == [(AlarmKind.DEAD, words) for words in wanted]
        assert [queue.looks for queue in queues.values()] == [1, 1]
        named = [
            command for alarm in found for command in alarm.commands if command.startswith("sendbrief redrive --q")
        ]
        assert named == [f"sendbrief redrive --queue {name}" for name, queue in queues.items() if queue.count]


def test_a_queue_that_cannot_be_looked_at_is_an_alarm_and_hides_no_other(house: House) -> None:
    halt(house.dispatcher.editions, ID, now_of(house), "too many", "brake")
    queues: Any = {"notices": Dead(0, "You may not."), "events": Dead(1)}
    found = alarms(house, "", **queues).open(now_of(house))
    assert [alarm.kind for alarm in found] == [AlarmKind.DEAD, AlarmKind.DEAD, AlarmKind.BRAKE]
    assert found[0].words == "The dead letters of notices can't be looked at. You may not."


@pytest.mark.parametrize(("language", "subjects"), [
    ("en", ["Mails to single people could not be sent", "Something could not be heard"]),
    ("de", ["Mails an Einzelne gingen nicht hinaus", "Etwas wurde nicht gehört"]),
])  # fmt: skip
def test_editors_are_told_of_each_queue_by_a_mail_of_its_own(house: House, language: str, subjects: list[str]) -> None:
    house.site = replace(EDITED, languages=(language,), editors=("ed@example.org",))
    queues: Any = {"notices": Dead(1), "events": Dead(1)}
    box = Box(house)
    for _ in range(2):
        assert asyncio.run(alarms(house, "", **queues).tell(lambda: house.transport, now_of(house))) == []
    assert [message["Subject"] for message in box.messages()] == subjects
    assert len({message["Message-ID"] for message in box.messages()}) == 2, "or one of both is taken for a repeat"
    assert "sendbrief redrive --queue events" in box.messages()[1].as_string()


def in_doubt(house: House) -> None:
    """A sender dies with a wave of two in the air."""
    held = house.dispatcher.chunks.ledger(ID, 0)
    ledger = held.ledger.claim("gone", 1, now_of(house).timestamp()).begin([0, 1], {}, 1)
    house.dispatcher.chunks.write_ledger(held, ledger.claim("next", 2, now_of(house).timestamp()).release())


def test_doubt_is_an_alarm_after_an_hour_and_none_once_it_is_settled_or_decided(house: House) -> None:
    in_doubt(house)
    for seconds, count in ((3599, 0), (3600, 1), (86_400, 1)):
        house.passed = float(seconds)
        assert len(opened(house)) == count
    (alarm,) = opened(house)
    assert alarm.words == f"2 recipients of {ID} are in doubt since 2026-11-26 09:00 UTC."
    work(house)
    assert house.edition().totals["in_doubt"] == 2
    assert opened(house) == [alarm], "also of an edition that is sent"
    held = house.dispatcher.chunks.ledger(ID, 0)
    ledger = held.ledger.decide(0, resend=False, why="asked").heard(1, News.DELIVERED)
    house.dispatcher.chunks.write_ledger(held, ledger)
    assert opened(house) == []


def test_what_a_look_has_found_is_not_read_again_until_the_edition_changes(house: House) -> None:
    in_doubt(house)
    work(house)
    house.passed = 7200.0
    braking_of(house).look(now_of(house))
    chunks = house.dispatcher.chunks
    known = [held.item for _, held in chunks.ledgers(ID)]
    for item in known:
        house.table.delete(item)
    (alarm,) = opened(house)
    assert alarm.words.startswith("2 recipients"), "of ledgers that are gone: nothing was read"
    assert braking_of(house).look(now_of(house)) == []
    assert opened(house) == [alarm]
    house.dispatcher.editions.change(house.edition())
    assert opened(house) == [], "read again after a change"


def test_doubts_of_last_month_are_history(house: House) -> None:
    in_doubt(house)
    house.passed = timedelta(days=30).total_seconds() + 1
    assert opened(house) == []


def failing_feed(house: House, hours: int, **changes: Any) -> None:
    feed = Source("blog", SourceKind.FEED, "https://blog.example.org/feed", line=3)
    house.site = replace(EDITED, sources=(feed,))
    store = HealthStore(house.table)
    ((_, item),) = store.load(["blog"]).values()
    began = now_of(house) - timedelta(hours=hours)
    store.save(replace(Health("blog", location=feed.location).failed("answered 502", began), **changes), item)


def test_a_source_that_has_failed_for_two_days_is_told(house: House) -> None:
    failing_feed(house, 47)
    assert opened(house) == []
    failing_feed(house, 49)
    (alarm,) = opened(house)
    since = f"{now_of(house) - timedelta(hours=49):%Y-%m-%d %H:%M} UTC"
    assert (alarm.kind, alarm.words) == (
        AlarmKind.FEED, f"Source 'blog' has failed since {since}: it answered 502",
    )  # fmt: skip
    box = Box(house)
    for hours, mails in ((0, 2), (23, 2), (25, 4)):
        house.passed = hours * 3600.0
        assert tell(house) == []
        assert len(box.mails) == mails
    assert [message["Subject"] for message in box.messages()] == ["No news from blog"] * 4
    failing_feed(house, 49, retired=True)
    assert "UTC, and is not asked any more: it answered 502" in opened(house)[0].words
    failing_feed(house, 49, location="https://blog.example.org/old")
    assert opened(house) == [], "site.yaml has another address since"
    failing_feed(house, 49)
    house.site = replace(house.site, sources=())
    assert opened(house) == [], "and so it has none any more"


def test_each_tick_counts_what_is_open_by_kind_whoever_knows_of_it(house: House) -> None:
    halt(house.dispatcher.editions, ID, now_of(house), "too many", "brake")
    Box(house)
    for editors in (EDITED.editors, EDITED.editors, ()):  # told now, told before, nobody to tell
        failing_feed(house, 49)
        house.site = replace(house.site, editors=editors)
        with metering() as meter:
            assert tell(house) == []
        assert [(one["Kind"], one["OpenAlarms"]) for one in meter.documents("", SLOT)] == [("brake", 1), ("feed", 1)]
    house.control.resume(ID, now_of(house))
    house.site = replace(house.site, sources=())
    with metering() as meter:
        tell(house)
    assert meter.documents("", SLOT) == []
