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
        """Tell each address what is new, side by side; what was given up, in words for a person. Safe to run twice."""
        if not self._hooks:
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

    def _more(self, place: str, now: datetime) -> tuple[list[Happened], str]:
        return happened_since(self._table, place, now, _PAGE)


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

    def run(self) -> str:
        """Tell until nothing is left, time is up or it fails; what was given up, in words, or ''."""
        try:
            words = self._tell_all()
            self._keep(replace(self._state, busy=""))
        except ConflictError:
            return ""  # 'webhooks retry', or another one after our lease: what it decided counts
        return words

    def _tell_all(self) -> str:
        ends = self._house._seconds() + ROUND_SECONDS
        told, now = 0, self._house._clock()
        while told < MOST and self._house._seconds() < ends:
            found, place = self._house._more(self._state.place, now)
            for one in found:
                if one.kind not in self._hook.events:
                    self._state = replace(self._state, place=one.place)
                    continue
                if told == MOST or self._house._seconds() > ends:
                    return ""
                error, wait = self._house.tell(self._hook, one, self._teller)
                if error:
                    return self._failed(error, wait)
                told += 1
                self._keep(self._state.took(one.place, self._house._clock()))
            self._state = replace(self._state, place=place)
            if len(found) < _PAGE:
                break
        return ""

    def _failed(self, error: str, wait: timedelta | None) -> str:
        """Rest; what is older than a day by now is given up, so that one thing never stops all that follows."""
        now = self._house._clock()
        state, count, last = self._state.failed(error, now, wait), 0, ""
        oldest = (now - GIVEN_UP_AFTER).isoformat()
        if state.since <= oldest:
            place = state.place
            while True:
                found, place = self._house._more(place, now)
                old = [one for one in found if one.at <= oldest]
                count += sum(one.kind in self._hook.events for one in old)
                last = old[-1].place if old else last
                if len(found) < _PAGE or len(old) < len(found):
                    break
        self._state = state.gave_up(count, last) if count else state
        return _given_up(self._hook, count, error) if count else ""

    def _keep(self, state: HookState) -> None:
        self._state, self._item = self._house._states.keep(self._item, state)


def _given_up(hook: Webhook, count: int, error: str) -> str:
    return (
        f"The webhook {hook.url} was not told of {count} happenings within a day ({error}), and is told of them no "
        "more. 'sendbrief webhooks retry' tells them again, for 30 days."
    )
