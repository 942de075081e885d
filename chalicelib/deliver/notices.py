"""Notices: mails to one person that are no edition, sent within seconds from a queue of their own.

The form only leaves a task; whoever takes it decides whether a mail goes out. So a form answers alike, as fast, and
after the same writes, whether an address is known or not.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib.audience.audience import Audience
from chalicelib.audience.moving import Moves
from chalicelib.audience.signup import SignUps
from chalicelib.audience.suppression import WAY_BACK, Suppressions
from chalicelib.audience.tokens import (
    ChangeTokens,
    ConfirmTokens,
    DataTokens,
    MailTokens,
    PreferencesTokens,
    Secrets,
    UnsubscribeTokens,
)
from chalicelib.clock import Clock
from chalicelib.compose.editions import EditionStore
from chalicelib.content.values import Site
from chalicelib.deliver.hearing.references import bounce_sender, signed_message_id
from chalicelib.deliver.latest import latest_issues
from chalicelib.errors import ConflictError, StoreError, TransportUnavailableError
from chalicelib.render.compiling import compile_notice
from chalicelib.render.letter import Letter, Reader
from chalicelib.render.notices import Kind, Notice, render_notice
from chalicelib.render.templates import templates_for
from chalicelib.store import Blobs, Insert, Key, Queue, Table
from chalicelib.transports import Fate, Mail, Transport

ONCE_IN = timedelta(hours=24)
"""How often an address gets the same kind of notice at most: whoever fills in a form may not be whom it names."""
LIFETIMES = {
    Kind.CONFIRM: ConfirmTokens.lifetime.days,
    Kind.CHANGE: ChangeTokens.lifetime.days,
    Kind.DATA: DataTokens.lifetime.days,
}
MOST_LETTERS = 64
ANSWERS = frozenset({Kind.CONFIRM, Kind.CHANGE, Kind.MOVING, Kind.DATA})
"""Kinds that answer what somebody does right now: a suppression that they can lift themselves does not stop them."""


class Done(StrEnum):
    """What became of a task."""

    SENT = "sent"
    NOT_DUE = "not due"
    """Nothing is pending (any more), or mail to the address is stopped."""
    HAD_ONE = "had one today"
    REFUSED = "refused"
    IN_DOUBT = "in doubt"


@dataclass(frozen=True, slots=True)
class Task:
    """One notice to send. ``newsletters`` are those a welcome is for."""

    kind: Kind
    sid: str
    language: str
    newsletters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Addressee:
    """Whom a notice goes to, about what, with the link it is for."""

    address: str
    name: str
    newsletters: tuple[str, ...]
    confirm_url: str = ""


def ask(queue: Queue, task: Task) -> None:
    """Leave a task."""
    data = {"notice": str(task.kind), "sid": task.sid, "language": task.language, "newsletters": task.newsletters}
    queue.send([json.dumps(data)])


def read_notice(body: str) -> Task:
    """The task of a queue message. Raises StoreError for anything else."""
    try:
        data: Any = json.loads(body)
        names = tuple(map(str, data["newsletters"]))
        return Task(Kind(data["notice"]), str(data["sid"]), str(data["language"]), names)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StoreError(f"A queue message is no notice: {body[:80]!r}.", "It goes to the dead letters.") from None


class Notices:
    """Sends notices of one site through one transport."""

    def __init__(self, site: Site, table: Table, blobs: Blobs, transport: Transport, secrets: Secrets,
                 clock: Clock, bounces: str = "") -> None:  # fmt: skip
        self._site, self._table, self._transport, self._clock = site, table, transport, clock
        self._bounces, self._signer = bounces, MailTokens(secrets)
        self._editions = EditionStore(table, blobs)
        self._letters: dict[tuple[Kind, str, tuple[str, ...]], Letter] = {}
        self._audience, self._signups, self._moves = Audience(table, secrets), SignUps(table), Moves(table)
        self._unsubscribe, self._preferences = UnsubscribeTokens(secrets), PreferencesTokens(secrets)
        self._confirm, self._change, self._data_links = (
            ConfirmTokens(secrets),
            ChangeTokens(secrets),
            DataTokens(secrets),
        )

    async def work(self, task: Task) -> Done:
        """Send one notice, if it is still due and the address had none of its kind within a day.

        The day is marked before the hand-over: a crash between may lose one mail, and never repeats one. Raises
        SendingError or ConfigurationError with the mark taken back where nothing was handed over.
        """
        now = self._clock()
        to = self._addressee(task, now)
        if to is None:
            return Done.NOT_DUE
        if not self._mark(task, now):
            return Done.HAD_ONE
        try:
            outcome = (await self._transport.send_wave([self._mail(task, to, now)]))[0]
        except Exception:
            self._unmark(task)
            raise
        if outcome.fate is Fate.DEFERRED:
            self._unmark(task)
            raise TransportUnavailableError("The provider defers mails.", outcome.reason[:100])
        return {Fate.SENT: Done.SENT, Fate.FAILED: Done.REFUSED}.get(outcome.fate, Done.IN_DOUBT)

    def _addressee(self, task: Task, now: datetime) -> _Addressee | None:
        """Whom to write to, as things are now."""
        find = {
            Kind.CONFIRM: self._asking,
            Kind.CHANGE: self._changing,
            Kind.MOVING: self._moving,
            Kind.DATA: self._data,
            Kind.WELCOME: self._welcomed,
        }
        to = find[task.kind](task, now)
        if to is None:
            return None
        sid = self._audience.sid(to.address)
        stop = Suppressions(self._table).of(sid, to.address)
        return None if stop and (stop.reason not in WAY_BACK or task.kind not in ANSWERS) else to

    def _asking(self, task: Task, now: datetime) -> _Addressee | None:
        request = self._signups.pending(task.sid)
        if request is None:
            return None
        url = f"{self._site.base_url}/c/{self._confirm.make(task.sid, '', now)}"
        return _Addressee(request.address, "", tuple(request.newsletters), url)

    def _changing(self, task: Task, now: datetime) -> _Addressee | None:
        asked, person = self._moves.asked(task.sid), self._audience.person(task.sid)
        if asked is None or person.profile is None:
            return None
        url = f"{self._site.base_url}/a/{self._change.make(task.sid, asked[0], now)}"
        return _Addressee(asked[1], "", tuple(person.confirmed), url)

    def _moving(self, task: Task, _now: datetime) -> _Addressee | None:
        asked, person = self._moves.asked(task.sid), self._audience.person(task.sid)
        return _Addressee(person.profile.address, "", tuple(person.confirmed)) if asked and person.profile else None

    def _data(self, task: Task, now: datetime) -> _Addressee | None:
        profile = self._audience.person(task.sid).profile
        if profile is None:
            return None
        url = f"{self._site.base_url}/d/{self._data_links.make(profile.sid, '', now)}"
        return _Addressee(profile.address, "", tuple(profile.newsletters), url)

    def _welcomed(self, task: Task, _now: datetime) -> _Addressee | None:
        person = self._audience.person(task.sid)
        names = tuple(name for name in task.newsletters if name in person.confirmed)
        return _Addressee(person.profile.address, person.profile.name, names) if person.profile and names else None

    def _mail(self, task: Task, to: _Addressee, now: datetime) -> Mail:
        language = task.language if task.language in self._site.languages else self._site.fallback
        content = self._letter(task.kind, language, to.newsletters).personalise(self._reader(task, to, now))
        sid = self._audience.sid(to.address)  # whose mailbox it is: of a new address, not yet the person's own
        back = bounce_sender(self._bounces, sid, self._signer.sign(sid)) if self._bounces else ""
        return Mail(back or self._site.sender.address, to.address, content, {"notice": str(task.kind), "person": sid})

    def _letter(self, kind: Kind, language: str, names: tuple[str, ...]) -> Letter:
        """The letter of a notice, compiled once for all who get the same."""
        key = (kind, language, names)
        if key not in self._letters:
            newsletters = [self._site.newsletters[name] for name in names if name in self._site.newsletters]
            latest = latest_issues(self._site, self._editions, names, language) if kind is Kind.WELCOME else ()
            notice = Notice(kind, newsletters, language, latest, LIFETIMES.get(kind, 0))
            rendered = render_notice(self._site, notice, templates=templates_for(self._site.root))
            if len(self._letters) >= MOST_LETTERS:
                self._letters.clear()
            self._letters[key] = compile_notice(rendered, site=self._site, notice=notice)
        return self._letters[key]

    def _reader(self, task: Task, to: _Addressee, now: datetime) -> Reader:
        base, first = self._site.base_url, next(iter(to.newsletters), "")
        links = {"confirm_url": to.confirm_url, "unsubscribe_url": ""}
        if task.kind is Kind.WELCOME:
            links = {
                "unsubscribe_url": f"{base}/u/{self._unsubscribe.make(task.sid, first)}",
                "preferences_url": f"{base}/p/{self._preferences.make(task.sid, first, now)}",
            }
        domain = self._site.sender.address.rpartition("@")[2]
        reference = f"{task.kind}.{now:%Y%m%d%H%M%S%f}.{self._audience.sid(to.address)}"
        message_id = signed_message_id(reference, self._signer, domain)
        return Reader(address=to.address, name=to.name, message_id=message_id, date=now, **links)

    def _mark(self, task: Task, now: datetime) -> bool:
        """Whether no notice of this kind went out within a day; from now on one has."""
        expires = int((now + ONCE_IN).timestamp())
        try:
            self._table.transact([Insert(_mark_key(task), {"at": now.isoformat()}, expires)])
        except ConflictError:
            return False
        return True

    def _unmark(self, task: Task) -> None:
        item = self._table.get(_mark_key(task))
        if item:
            self._table.delete(item)


def _mark_key(task: Task) -> Key:
    return Key(f"SUBSCRIBER#{task.sid}", f"NOTICE#{task.kind}")
