"""Whether a request to subscribe is let in: room in its buckets, and work where the site asks for it."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.audience.limits import Limits, Taken, subscribe_buckets
from chalicelib.content.subscribing import WorkUse
from chalicelib.web.proof_of_work import ProofOfWork, WorkState


@dataclass(frozen=True, slots=True)
class Admission:
    """Let in, or why not: ``wants_work`` to be shown the form again with a challenge, else no room (``taken``)."""

    ok: bool
    wants_work: bool = False
    taken: Taken = field(default_factory=lambda: Taken(ok=True))


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks: the id of the address, where from, and what came back of a challenge ('' where nothing did)."""

    sid: str
    ip: str
    challenge: str = ""
    answer: str = ""


def admit(asked: Asked, use: WorkUse, limits: Limits, work: ProofOfWork, now: datetime) -> Admission:
    """Take room for one request. Where the site is busy, work makes up for room there, but nowhere else."""
    if use is WorkUse.ALWAYS and work.verify(asked.challenge, asked.answer, now) is not WorkState.DONE:
        return Admission(False, wants_work=True)
    taken = limits.take_all(subscribe_buckets(asked.sid, asked.ip), now)
    if taken.ok or taken.name != "site" or use is WorkUse.OFF:
        return Admission(taken.ok, taken=taken)
    if use is WorkUse.WHEN_BUSY and work.verify(asked.challenge, asked.answer, now) is not WorkState.DONE:
        return Admission(False, wants_work=True, taken=taken)
    taken = limits.take_all(subscribe_buckets(asked.sid, asked.ip, whole_site=False), now)
    return Admission(taken.ok, taken=taken)
