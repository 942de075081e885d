"""Webhooks: telling other programs what happened. Each address goes at its own pace, at least once, in order."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.audience.happenings import Happened, happened_since
from chalicelib.audience.tokens import Secrets
from chalicelib.clock import Clock
from chalicelib.collect.found import SourceError
from chalicelib.collect.post import Post, poster
from chalicelib.content.values import Site
from chalicelib.content.webhooks import Webhook
from chalicelib.deliver.hook_states import GIVEN_UP_AFTER, HookState, HookStates
from chalicelib.deliver.pausing import paused
from chalicelib.deliver.signatures import signed_headers
from chalicelib.deliver.telling import Teller
from chalicelib.errors import ConflictError
from chalicelib.store import Blobs, Item, Table

MOST = 100
"""Happenings that one address is told of in a round."""
ROUND_SECONDS = 30.0
"""After so long a round begins no further telling; one takes 10 seconds at most."""
_PAGE = 100


class Webhooks:
    """Tells the programs of one site. ``seconds`` is a clock that only measures."""

    def __init__(
        self, hooks: Sequence[Webhook], table: Table, blobs: Blobs, secrets: Secrets, post: Post, clock: Clock,
        *, seconds: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._hooks, self._table, self._blobs, self._secrets = hooks, table, blobs, secrets
        self._post, self._clock, self._seconds = post, clock, seconds
        self._states = HookStates(table)

    def deliver(self) -> list[str]:
        """Tell each address what is new, side by side; what was given up, in words for a person. Safe to run twice.

        Nothing while the site is paused: after a restore, what is stored may be about people as they were.
        """
        if not self._hooks or paused(self._table):
            return []
        now = self._clock()
        claimed = [(hook, held) for hook in self._hooks if (held := self._states.claim(hook.url, now))]
        if not claimed:
            return []
        with ThreadPoolExecutor(len(claimed), "webhook") as pool:
            rounds = [pool.submit(_Round(self, hook, *held).run) for hook, held in claimed]
            return [words for each in rounds if (words := each.result())]

    def tell(self, hook: Webhook, happened: Happened, teller: Teller) -> tuple[str, timedelta | None]:
        """Tell one address of one happening: '' or what went wrong, and for how long it asks to be left alone."""
        payload = {name: value for name, value in teller.payload(happened).items() if name != "id"}
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers = signed_headers(self._secrets, hook.url, happened.id, body, self._clock())
        try:
            posted = self._post(hook.url, headers, body)
        except SourceError as error:
            return str(error), None
        return ("", None) if 200 <= posted.status < 300 else (f"answered {posted.status}", posted.wait)


def webhooks_of(
    site: Site, table: Table, blobs: Blobs, secrets: Secrets, clock: Clock, allow: Iterable[str] = ()
) -> Webhooks:
    """What tells the programs of a site. ``allow`` names networks and hosts of one's own that may be told."""
    return Webhooks(site.webhooks, table, blobs, secrets, poster(site.base_url, allow=allow), clock)


class _Round:
    """One address in one round, held by its lease."""

    def __init__(self, house: Webhooks, hook: Webhook, state: HookState, item: Item) -> None:
        self._house, self._hook, self._state, self._item = house, hook, state, item
        self._teller = Teller(house._table, house._blobs)
        self._told, self._given_up = 0, ""

    def run(self) -> str:
        """Tell until nothing is left, time is up or it fails; what was given up, in words, or ''."""
        ends, now = self._house._seconds() + ROUND_SECONDS, self._house._clock()
        try:
            while True:
                found, place = happened_since(self._house._table, self._state.place, now, _PAGE)
                if not all(self._settled(one, ends) for one in found):
                    break
                self._state = replace(self._state, place=place)
                if len(found) < _PAGE:
                    break
            self._keep(replace(self._state, busy=""))
        except ConflictError:
            pass  # 'webhooks retry', or another one after our lease: what it decided counts
        return self._given_up

    def _settled(self, one: Happened, ends: float) -> bool:
        """Tell of one; whether the next may follow."""
        if one.kind not in self._hook.events:
            self._state = replace(self._state, place=one.place)
            return True
        if self._told == MOST or self._house._seconds() > ends:
            return False
        error, wait = self._house.tell(self._hook, one, self._teller)
        now = self._house._clock()
        if not error:
            self._told += 1
            self._keep(self._state.took(one.place, now))
            return True
        return self._failed(one, error, wait, now)

    def _failed(self, one: Happened, error: str, wait: timedelta | None, now: datetime) -> bool:
        """Rest. What was not taken for a day is given up, one in a round, so that it never stops what follows."""
        self._state = self._state.failed(error, now, wait)
        oldest = (now - GIVEN_UP_AFTER).isoformat()
        if self._given_up or max(self._state.since, one.at) > oldest:
            return False
        self._given_up = (
            f"The webhook {self._hook.url} did not take the event {one.id} within a day ({error}), and is told of it "
            "no more. 'sendbrief webhooks retry' tells it again, for 30 days."
        )
        self._keep(self._state.gave_up(one.place))
        return True

    def _keep(self, state: HookState) -> None:
        self._state, self._item = self._house._states.keep(self._item, state)
