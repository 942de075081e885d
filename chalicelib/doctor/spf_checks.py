"""What is wrong with the SPF policy of the domain that mails are sent from."""

from collections.abc import Iterator

from chalicelib.doctor.answers import aligned
from chalicelib.doctor.findings import About, Finding, Topic
from chalicelib.doctor.spf import MAX_LOOKUPS, MAX_VOID, Walk

SPF = About(Topic.SPF)
AMAZON = "amazonses.com"


def wanted_record(domain: str, *, ses: bool) -> str:
    """The record to set."""
    return f'{domain}. IN TXT "v=spf1 {f"include:{AMAZON}" if ses else "ip4:ADDRESS-OF-YOUR-SERVER"} ~all"'


def check_spf(walk: Walk, sender: str, *, ses: bool, strict: bool = False) -> Iterator[Finding]:
    """``walk`` is of the envelope's domain, ``sender`` the domain of From. ``ses``: mails go out from Amazon's."""
    domain, record = walk.domain, wanted_record(walk.domain, ses=ses)
    if walk.failed:
        yield SPF.skipped(f"SPF of {domain} could not be read: {walk.failed[0]}.", "Try again in a while.")
        return
    if not walk.records:
        yield SPF.error(f"{domain} has no SPF record: mails from it look forged.", f"Set: {record}")
        return
    if len(walk.records) > 1:
        do = "Make one record of them: v=spf1 once, the mechanisms of all, one ~all at the end."
        yield SPF.error(
            f"{domain} has {len(walk.records)} SPF records, and so none counts (RFC 7208, 4.5).",
            do,
            " | ".join(walk.records),
        )
        return
    faults = [*_costs(walk), *_ends(walk), *_admits(walk, ses=ses)]
    yield from faults
    if not faults:
        evidence = f"{walk.lookups} of {MAX_LOOKUPS} look-ups: {walk.records[0]}"
        yield SPF.ok(f"SPF of {domain} is right.", evidence)
    yield from _alignment(domain, sender, strict=strict)


def _costs(walk: Walk) -> Iterator[Finding]:
    where, seen = walk.domain, walk.records[0]
    for words in dict.fromkeys(walk.broken):
        yield SPF.error(f"The SPF record of {where} can't be used: {words}.", "Correct or remove that part.", seen)
    if walk.lookups > MAX_LOOKUPS:
        yield SPF.error(
            f"SPF of {where} takes {walk.lookups} look-ups, and receivers stop at {MAX_LOOKUPS} (RFC 7208, 4.6.4).",
            "Take out what you no longer send by, or write ip4: and ip6: in place of include:, a and mx.",
            seen,
        )
    if len(walk.voids) > MAX_VOID:
        named = ", ".join(walk.voids[:5])
        yield SPF.error(
            f"SPF of {where} asks for {len(walk.voids)} names that have nothing, and receivers stop after {MAX_VOID}.",
            f"Take these out: {named}.",
            seen,
        )
    elif walk.voids and not walk.broken:
        named = ", ".join(walk.voids)
        yield SPF.warn(f"SPF of {where} asks for names that have nothing.", f"Take out: {named}.", seen)


def _ends(walk: Walk) -> Iterator[Finding]:
    where, seen = walk.domain, walk.records[0]
    if walk.ending == "+":
        yield SPF.error(f"SPF of {where} ends in +all: anybody may send for you.", "Write ~all in its place.", seen)
    elif walk.ending not in {"~", "-"} and not walk.broken:
        yield SPF.warn(f"SPF of {where} says nothing of others' mails.", "End it with ~all.", seen)
    if walk.ptr:
        yield SPF.warn(
            f"SPF of {where} uses ptr, which is slow and not to be used (RFC 7208, 5.5).",
            "Write ip4: and ip6: in its place.",
            seen,
        )


def _admits(walk: Walk, *, ses: bool) -> Iterator[Finding]:
    if ses and AMAZON not in walk.includes:
        yield SPF.error(
            f"SPF of {walk.domain} does not name Amazon SES.", f"Add include:{AMAZON} before its all.", walk.records[0]
        )


def _alignment(domain: str, sender: str, *, strict: bool) -> Iterator[Finding]:
    if aligned(domain, sender, strict=strict):
        yield SPF.ok(f"SPF speaks for the sender: {domain} is aligned with {sender}.")
    else:
        how = "strictly " if strict else ""
        yield SPF.warn(
            f"SPF does not speak for the sender: {domain} is not {how}aligned with {sender} (DMARC).",
            f"Send from an envelope below {sender}, or see that DKIM is aligned.",
        )
