"""What must hold in every world: at each write, at each hand-over, after each turn, and at the end."""

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast

from chalicelib.compose.edition import TRANSITIONS, State
from chalicelib.compose.editions import Edition
from chalicelib.deliver.books import Books, add_up
from chalicelib.deliver.chunks import read_task
from chalicelib.deliver.ledger import Ledger
from chalicelib.store import Item, Key
from chalicelib.transports import Fate, Mail
from tests.simulation.memory import MemoryTable
from tests.simulation.process import Process
from tests.simulation.provider import Place

if TYPE_CHECKING:
    from tests.simulation.world import World

P = ParamSpec("P")
RANKS = {"s": 1, "v": 2, "b": 3, "c": 4}
STEPS = {
    "p": "wkfd" "svbc", "w": "sfd?p" "vbc", "d": "pk" "svbc", "?": "lp" "svbc", "l": "?p" "svbc", "f": "svbc",
    "s": "vbc", "v": "bc", "b": "c", "k": "", "c": "",
}  # fmt: skip
"""What a mark may become: news may come upon any belief of ours, and a higher rank upon a lower one."""
ENDED = "sfkvbcl?"


def _told(check: Callable[Concatenate["Checks", P], None]) -> Callable[Concatenate["Checks", P], None]:
    """What does not hold ends the world, even where the code under test catches everything."""

    @wraps(check)
    def call(self: "Checks", *values: P.args, **named: P.kwargs) -> None:
        try:
            check(self, *values, **named)
        except AssertionError as error:
            self.world.stage.failure = self.world.stage.failure or error
            raise

    return cast(Callable[Concatenate["Checks", P], None], call)


class Checks:
    """The invariants of one world, each with a name of its own, and what they have to remember."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.flight: dict[Place, Process] = {}
        self.writes: dict[tuple[str, str, int], list[int]] = defaultdict(list)
        self.basis: dict[Place, int] = {}
        self.gone: dict[str, int] = {}
        self.stopped: dict[str, bool] = {}
        self.since_stop: Counter[tuple[str, str, int]] = Counter()
        self.planned: dict[str, int] = {}
        self.slots: dict[str, str] = {}
        self.resent: set[Place] = set()
        self.may_repeat: Counter[tuple[str, str]] = Counter()
        self.doubts = 0
        self.doubted: set[Place] = set()
        self.restored = self.ever_restored = self.looked = self.lost = False

    def begin_again(self, table: MemoryTable) -> None:
        """The store is as it was at some time before: what it says of mails since then is not true any more."""
        self.restored = self.ever_restored = True
        self.flight.clear()
        self.planned.clear()
        self.slots.clear()
        self.stopped.clear()
        self.since_stop.clear()
        self.gone.clear()
        self.world.provider.heard.clear()
        for item in table.everything():
            left = item.key.pk.startswith("LIST#") and item.data["state"] == "unsubscribed"
            if left or item.key.pk.startswith("SUPPRESSED#"):
                self.gone[item.key.sk] = 0

    # At each write.
    @_told
    def written(self, key: Key, old: Item | None, new: Item | None) -> None:
        """Told of each item that is written."""
        self.looked = False
        room, _, rest = key.pk.partition("#")
        if room == "EDITION" and new is not None:
            if key.sk.startswith("LEDGER#"):
                self._ledger(rest, int(key.sk[7:]), old, new)
            elif key.sk.startswith("CHUNK#"):
                assert old is None, f"{key}: recipients are frozen once"
        elif room == "EDITIONS" and new is not None:
            self._edition(f"{rest}/{key.sk}", old, new)
        elif new is not None and (room == "SUPPRESSED" or (room == "LIST" and new.data["state"] == "unsubscribed")):
            self.gone.setdefault(key.sk, self.world.steps)
        elif room == "SITE":
            self._stop_or_go("site", stopped=new is not None)

    def _stop_or_go(self, what: str, *, stopped: bool) -> None:
        self.stopped[what] = stopped
        self.since_stop.clear()

    def _edition(self, edition: str, old: Item | None, new: Item) -> None:
        state = new.data["state"]
        if old is None:
            self.one_edition_for_a_slot(edition, new)
        elif old.data["state"] != state:
            self.states_follow_the_table(edition, State(old.data["state"]), State(state))
            self._stop_or_go(edition, stopped=state != State.SENDING)
        self.what_was_planned_stays_planned(edition, new)
        if state == State.SENT:
            self.an_edition_closes_with_nobody_left(edition, new)

    def one_edition_for_a_slot(self, edition: str, item: Item) -> None:
        assert self.slots.setdefault(item.data["slot_at"], edition) == edition, f"{edition} has a slot of another one"

    def states_follow_the_table(self, edition: str, old: State, new: State) -> None:
        assert new in TRANSITIONS[old], f"{edition} went from {old} to {new}"

    def what_was_planned_stays_planned(self, edition: str, item: Item) -> None:
        planned = item.data["planned"]
        if planned is not None and item.data["state"] != State.CANCELLED:
            assert self.planned.setdefault(edition, planned) == planned, f"{edition}: {planned} are planned by now"

    def an_edition_closes_with_nobody_left(self, edition: str, item: Item) -> None:
        for _, held in self.world.chunks.ledgers(edition):
            assert not set(held.ledger.marks) - set(ENDED), f"{edition} was closed over {held.ledger.marks}"
        books = Books(**item.data["totals"])
        assert books.balanced, f"{edition}: {books}"

    def _ledger(self, edition: str, number: int, old: Item | None, new: Item) -> None:
        process, marks = self.world.acting, new.data["marks"]
        if old is None:
            assert not set(marks) - set("pkd"), f"a new ledger says {marks}"
            return
        name = process.name if process else "a person"
        moments = self.writes[name, edition, number]
        before = old.data["marks"]
        assert len(before) == len(marks), "a ledger has as many marks as its chunk has recipients"
        if before != marks:
            steps = [(now == "w", position, was, now)
                     for position, (was, now) in enumerate(zip(before, marks, strict=True)) if was != now]  # fmt: skip
            for _, position, was, now in sorted(steps):  # outcomes of one wave come before the next one's intent
                self._mark((edition, number, position), was, now, old.data["lease"])
            if any(begun for begun, *_ in steps) and process:
                self.one_wave_at_most_follows_a_stop(process, edition, number)
        moments.append(self.world.steps)

    def _mark(self, place: Place, was: str, now: str, lease: int) -> None:
        # Skipped by a store that forgot it had sent; or in doubt, sent again by a person's word, and gone by then.
        late = was == "k" and now in RANKS and (self.ever_restored or place in self.resent)
        assert late or now in STEPS[was], f"{place} went from {was} to {now}"
        process = self.world.acting
        owner = self.flight.pop(place, None) if was == "w" else None
        if owner is not None:
            owner.flight.discard(place)
        if now == "w" and process is not None:
            self.flight[place] = process
            process.flight.add(place)
            moments = self.writes[process.name, place[0], place[1]]
            self.basis[place] = moments[-1] if moments else 0
            self.world.provider.known.pop(place, None)
            self.at_most_a_wave_is_in_flight(process)
        elif was == "w" and now == "p":
            self.nothing_is_undone_that_was_handed_over(place)
        elif was == "w" and now == "?":
            self.doubts += 1
            self.doubted.add(place)
            self.doubt_has_a_cause(place, owner, lease)
        elif was == "w" and now in "sfd" and process is owner:
            self.an_outcome_is_what_the_provider_said(place, now)
        elif was in "?l" and now == "p":
            assert place in self.resent, f"{place} was in doubt, and nobody said that it be sent again"

    def at_most_a_wave_is_in_flight(self, process: Process) -> None:
        most = self.world.wave * self.world.at_once
        assert len(process.flight) <= most, f"{process.name} has {len(process.flight)} mails in flight, not {most}"

    def nothing_is_undone_that_was_handed_over(self, place: Place) -> None:
        assert not self.world.provider.known[place], f"{place} is pending again, and was handed over"

    def doubt_has_a_cause(self, place: Place, owner: Process | None, lease: int) -> None:
        """Its fate is unknown; or its sender died, lost the store, or was so slow that its lease ran out."""
        unknown = Fate.IN_DOUBT in self.world.provider.known[place]
        late = self.world.acting is not None and lease <= self.world.acting.wall()
        assert unknown or late or owner is None or owner.incidents, f"{place} is in doubt without cause"

    def an_outcome_is_what_the_provider_said(self, place: Place, mark: str) -> None:
        known = self.world.provider.known[place]
        said = {"s": Fate.SENT, "f": Fate.FAILED, "d": Fate.DEFERRED}[mark]
        assert said in known or (mark == "f" and Fate.DEFERRED in known), f"{place}: {mark}, of {known}"
        assert Fate.IN_DOUBT not in known or self.restored or place in self.resent, f"{place}: {mark}, not in doubt"

    def one_wave_at_most_follows_a_stop(self, process: Process, edition: str, number: int) -> None:
        """A wave may be under way when somebody pauses or cancels; the next one may not begin."""
        if self.stopped.get(edition) or self.stopped.get("site"):
            self.since_stop[process.name, edition, number] += 1
            waves = self.since_stop[process.name, edition, number]
            assert waves <= 1, f"{process.name} began {waves} waves of chunk {number} since {edition} was stopped"

    # At each hand-over.
    @_told
    def may_be_handed_over(self, mail: Mail, place: Place, process: Process) -> None:
        edition, number, position = place
        item = self.world.table.get(Key(f"EDITION#{edition}", f"LEDGER#{number:06d}"))
        assert item is not None, f"{place} has no ledger"
        mark = item.data["marks"][position]
        self.the_intent_is_on_record(place, mark)
        frozen = self.world.chunks.recipients(edition, number)[position].sid
        assert frozen == self.world.sids[mail.recipient], f"{place} is not {mail.recipient}"
        if place in process.flight:
            self.who_had_left_gets_nothing(place, frozen)

    def the_intent_is_on_record(self, place: Place, mark: str) -> None:
        """In flight; or in doubt, or told of already, where somebody took over from a sender that lives."""
        assert mark in "w?lsvbc" or place in self.resent, f"{place} is handed over, and its mark is {mark}"

    def who_had_left_gets_nothing(self, place: Place, sid: str) -> None:
        """Nobody who had left, or was suppressed, when their wave was begun to be made ready."""
        assert self.gone.get(sid, self.basis[place] + 1) > self.basis[place], f"{place} had left"

    @_told
    def nobody_gets_it_twice(self, place: Place, mail: Mail) -> None:
        key = (place[0], mail.recipient)
        assert self.world.provider.accepted[key] <= 1 + self.may_repeat[key], f"{key} twice"

    @_told
    def the_pace_is_kept(self, moments: list[float]) -> None:
        """A day's quota to the mail. A second's rate over ten of them: between turn and hand-over lie calls."""
        world, now = self.world, moments[-1]
        if world.pace.per_day is not None and set(world.skews) == {0.0} and not self.ever_restored:
            seconds = (world.start - world.start.replace(hour=0)).total_seconds()
            today = sum((moment + seconds) // 86_400 == (now + seconds) // 86_400 for moment in moments)
            assert today <= world.pace.per_day, f"{today} mails today, of {world.pace.per_day}"
        if world.pace.per_second is not None and not world.held_up:
            most = world.pace.per_second * 10 + 2 * world.wave * world.at_once
            assert sum(moment > now - 10 for moment in moments) <= most, f"more than {most} mails in ten seconds"

    @_told
    def a_message_is_read_before_it_is_given_up(self, process: Process, body: str) -> None:
        edition, number = read_task(body)
        item = self.world.table.get(Key(f"EDITIONS#{edition.partition('/')[0]}", edition.partition("/")[2]))
        if item is not None and item.data["state"] == State.SENDING and not self.stopped.get("site"):
            read = {f"LEDGER#{number:06d}", edition.partition("/")[2]} & process.seen
            assert read, f"{process.name} gave up {body} unread"

    # After each turn.
    def after_a_turn(self) -> None:
        """All that can be said of the whole, where anything was written since."""
        if self.looked:
            return
        self.looked = True
        for edition in self.world.editions.of("digest"):
            ledgers = dict(self.world.chunks.ledgers(edition.id))
            self.books_balance(edition, [held.ledger for held in ledgers.values()])
            frozen: list[str] = []
            for number, held in ledgers.items():
                recipients = self.world.chunks.recipients(edition.id, number)
                frozen += [recipient.sid for recipient in recipients]
                for position, recipient in enumerate(recipients):
                    place = (edition.id, number, position)
                    self.marks_say_what_happened(place, held.ledger.marks[position], recipient.sid)
            assert len(set(frozen)) == len(frozen), "somebody stands in two chunks"
            self.nobody_is_left_out(edition, set(frozen))

    def books_balance(self, edition: Edition, ledgers: list[Ledger]) -> None:
        planned = edition.planned if edition.chunks else None
        books = Books(**edition.totals) if edition.totals else add_up(planned, ledgers)
        assert books.balanced, f"{edition.id}: {books}"
        if edition.totals:
            assert books == add_up(None, ledgers), f"{edition.id} was closed with {books}"

    def marks_say_what_happened(self, place: Place, mark: str, sid: str) -> None:
        got = self.world.provider.accepted[place[0], self.world.addresses[sid]]
        if mark in "svbc":
            assert got, f"{place} is on record as {mark}, and was never accepted"
        elif (
            mark in "pdfk"
            and not (self.restored or self.lost or (mark == "k" and self.ever_restored))
            and place not in self.resent
        ):
            assert not got, f"{place} was accepted, and is on record as {mark}"

    def nobody_is_left_out(self, edition: Edition, frozen: set[str]) -> None:
        if edition.planned and edition.state is not State.CANCELLED:
            staying = set(self.world.addresses) - set(self.gone)
            assert staying <= frozen, f"{edition.id} leaves out {staying - frozen}"

    # At the end.
    def at_the_end(self) -> None:
        """Everybody has an outcome that will not change, and it is the true one."""
        self.after_a_turn()
        editions = list(self.world.editions.of("digest"))
        assert editions, "there is an edition"
        for edition in editions:
            assert edition.state in {State.SENT, State.CANCELLED}, f"{edition.id} is {edition.state}: {edition.why}"
            for number, held in self.world.chunks.ledgers(edition.id):
                assert not set(held.ledger.marks) - set(ENDED), f"chunk {number} ends as {held.ledger.marks}"
        self.the_best_news_counts()

    def the_best_news_counts(self) -> None:
        for place, news in self.world.provider.heard.items():
            item: Any = self.world.table.get(Key(f"EDITION#{place[0]}", f"LEDGER#{place[1]:06d}"))
            mark = item.data["marks"][place[2]] if item else "c"
            assert RANKS.get(mark, 0) >= news, f"{place} ends as {mark}, and news of rank {news} were heard"


__all__ = ["Checks"]
