"""What a person decides about an edition: approve, hold, cancel, pause, resume, send now."""

from datetime import datetime

from chalicelib.compose.edition import State
from chalicelib.compose.editions import Edition, EditionStore
from chalicelib.errors import ConflictError, IllegalTransitionError

MOST_WORDS = 500


class Control:
    """Each method re-reads the edition and moves it, or raises IllegalTransitionError, NotFoundError."""

    def __init__(self, editions: EditionStore) -> None:
        self._editions = editions

    def approve(self, edition_id: str, now: datetime) -> Edition:
        """Let it go out at its slot, or at once where that has passed."""

        def decide(edition: Edition) -> Edition:
            if edition.was_sending:
                raise IllegalTransitionError(f"{edition_id} was paused in mid-send.", "Use 'sendbrief resume'.")
            return self._editions.move(edition, State.APPROVED, now, released=edition.slot_at <= now)

        return self._editions.decide(edition_id, decide)

    def send(self, edition_id: str, now: datetime) -> Edition:
        """Let it go out now, whatever its slot."""

        def decide(edition: Edition) -> Edition:
            if edition.state is State.SENDING:
                return edition
            if edition.was_sending:
                raise IllegalTransitionError(f"{edition_id} was paused in mid-send.", "Use 'sendbrief resume'.")
            slot_at = min(edition.slot_at, now)
            if edition.state is State.APPROVED:
                return self._editions.change(edition, released=True, slot_at=slot_at, changed=now)
            return self._editions.move(edition, State.APPROVED, now, released=True, slot_at=slot_at)

        return self._editions.decide(edition_id, decide)

    def hold(self, edition_id: str, now: datetime, why: str = "") -> Edition:
        """Keep it back before its first mail; ``approve`` lets it go again."""

        def decide(edition: Edition) -> Edition:
            if edition.state is State.SENDING:
                raise IllegalTransitionError(f"{edition_id} is being sent.", "Use 'sendbrief pause'.")
            return self._editions.move(edition, State.HELD, now, why=why or "held by an editor")

        return self._editions.decide(edition_id, decide)

    def pause(self, edition_id: str, now: datetime, why: str = "") -> Edition:
        """Stop in mid-send after the wave in flight; ``resume`` goes on."""

        def decide(edition: Edition) -> Edition:
            if edition.state is not State.SENDING:
                raise IllegalTransitionError(
                    f"{edition_id} is {edition.state}, not being sent.", "Use 'sendbrief hold'."
                )
            return self._editions.move(edition, State.HELD, now, why=why or "paused by an editor", was_sending=True)

        return self._editions.decide(edition_id, decide)

    def resume(self, edition_id: str, now: datetime) -> Edition:
        """Go on with a paused edition where it stopped."""

        def decide(edition: Edition) -> Edition:
            if edition.state in {State.DRAFT, State.APPROVED, State.HELD} and not edition.was_sending:
                raise IllegalTransitionError(f"{edition_id} has not begun.", "Use 'sendbrief approve'.")
            if edition.state is State.SENT:
                raise IllegalTransitionError(f"{edition_id} is sent.", "'sendbrief doubt' shows who may lack it.")
            return self._editions.move(edition, State.SENDING, now, was_sending=False, queued=0.0, halted="")

        return self._editions.decide(edition_id, decide)

    def cancel(self, edition_id: str, now: datetime, why: str = "") -> Edition:
        """Never send it (further); its entries may stand in the next edition where nobody got it yet."""

        def decide(edition: Edition) -> Edition:
            planned = edition.planned if edition.chunks else 0
            why_words = why or "cancelled by an editor"
            return self._editions.move(edition, State.CANCELLED, now, why=why_words, planned=planned)

        return self._editions.decide(edition_id, decide)


def halt(editions: EditionStore, edition_id: str, now: datetime, why: str, by: str = "provider") -> Edition:
    """Stop an edition in mid-send, as a person's ``pause`` does, for a reason that only a person can judge.

    ``by``: ``provider`` or ``brake``. One that is not being sent is left as it is.
    """

    def decide(edition: Edition) -> Edition:
        if edition.state is not State.SENDING:
            return edition
        changes = {"was_sending": True, "waits": "", "halted": by, "halts": edition.halts + 1}
        return editions.move(edition, State.HELD, now, why=why[:MOST_WORDS], **changes)

    return editions.decide(edition_id, decide)


def tell_wait(editions: EditionStore, edition: Edition, why: str) -> None:
    """Keep why an edition stands still for now ('': it moves), for a person to see. One of many workers tells."""
    if edition.waits == why[:MOST_WORDS]:
        return
    try:
        editions.change(editions.find(edition.id), waits=why[:MOST_WORDS])
    except ConflictError:
        return  # a tick or another worker is at it: the next one that waits tells
