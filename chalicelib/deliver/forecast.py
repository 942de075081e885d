"""What the editors are told of an edition before it goes out: how many it may reach, and what that costs."""

from collections.abc import Callable, Iterable
from itertools import islice

from chalicelib.audience.subscriber import Membership, MemberState
from chalicelib.deliver.costs import Cost

MOST_COUNTED = 100_000
"""Memberships read for it: 25 MB."""


def forecast(members: Iterable[Membership], cost: Callable[[int], Cost]) -> str:
    """``Readers: up to 1,234. Cost: …`` in English, as all that is for editors; '' where there is nobody yet.

    Who gets nothing because of topics, cadence or filters is counted as well: only planning looks at these.
    """
    found = list(islice(members, MOST_COUNTED + 1))
    readers = sum(member.state is MemberState.CONFIRMED for member in found[:MOST_COUNTED])
    if not readers:
        return ""
    if len(found) > MOST_COUNTED:
        return f"Readers: more than {readers:,}. Cost for these: {cost(readers).said}."
    return f"Readers: up to {readers:,}. Cost: {cost(readers).said}."
