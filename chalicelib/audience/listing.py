"""Pages of memberships and suppressions, in an order that stays: by newsletter, then by id."""

from collections.abc import Callable, Iterator, Sequence

from chalicelib.audience.subscriber import SHARDS, Membership, membership_from_data
from chalicelib.audience.suppression import DOMAINS, Suppression, read_suppression
from chalicelib.errors import UsageError
from chalicelib.store import Item, Table

MOST_READ = 5_000
"""Memberships that one page looks at: a filter that few match gives short pages, not long waits."""
_DIGITS = frozenset("0123456789abcdef")


def members_page(
    table: Table, newsletters: Sequence[str], test: Callable[[Membership], bool], cursor: str, most: int
) -> tuple[list[Membership], str]:
    """At most ``most`` memberships that pass a test, and the cursor of the next page, '' at the end.

    A page may be short, or empty, and yet have a next one. Raises UsageError for a cursor that is none.
    """
    found, read = list[Membership](), 0
    name, sid = _place(cursor, newsletters)
    for newsletter in newsletters[newsletters.index(name) :] if name else newsletters:
        for item in _after(table, f"LIST#{newsletter}#", sid if newsletter == name else ""):
            read += 1
            member = membership_from_data(newsletter, item.key.sk, item.data)
            if test(member):
                found.append(member)
            if len(found) == most or read == MOST_READ:
                return found, f"{newsletter}:{item.key.sk}"
    return found, ""


def suppressions_page(table: Table, cursor: str, most: int) -> tuple[list[Suppression], str]:
    """At most ``most`` suppressions, domains first, and the cursor of the next page, '' at the end."""
    found = list[Suppression]()
    for one in _suppressions(table, cursor):
        found.append(one)
        if len(found) == most:
            return found, one.who
    return found, ""


def _suppressions(table: Table, cursor: str) -> Iterator[Suppression]:
    if cursor and not cursor.startswith("@"):
        _checked_id(cursor)
    if not cursor or cursor.startswith("@"):
        for item in _of(table, DOMAINS, cursor[1:]):
            yield read_suppression(f"@{item.key.sk}", item)
    for item in _after(table, "SUPPRESSED#", "" if cursor.startswith("@") else cursor):
        yield read_suppression(item.key.sk, item)


def _after(table: Table, prefix: str, sid: str) -> Iterator[Item]:
    """The items of all shards after an id."""
    for shard in SHARDS:
        if shard >= sid[:1]:
            yield from _of(table, f"{prefix}{shard}", sid if shard == sid[:1] else "")


def _of(table: Table, pk: str, after: str) -> Iterator[Item]:
    cursor: str | None = None
    while True:
        page = table.query(pk, first=f"{after}\0" if after else None, limit=500, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _place(cursor: str, newsletters: Sequence[str]) -> tuple[str, str]:
    name, _, sid = cursor.partition(":")
    if not cursor:
        return "", ""
    if name not in newsletters:
        raise UsageError("This cursor is none, or of another list.", "Give back a cursor as it was given.")
    return name, _checked_id(sid)


def _checked_id(sid: str) -> str:
    if not sid or len(sid) > 64 or not _DIGITS.issuperset(sid):
        raise UsageError("This cursor is none.", "Give back a cursor as it was given.")
    return sid
