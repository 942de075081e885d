"""Pages of memberships: a filter that few match reads only so many, and the next page goes on there."""

import pytest

from chalicelib.audience.listing import MOST_READ, members_page, suppressions_page
from chalicelib.audience.subscriber import Membership, membership_to_data
from chalicelib.errors import UsageError
from chalicelib.store import Put
from tests.audience.house import People


def test_a_page_reads_only_so_many_and_the_next_goes_on(people: People) -> None:
    members = [Membership("digest", f"{number:024x}", f"n{number}@example.org") for number in range(MOST_READ + 2)]
    people.table.put_many(Put(one.key, membership_to_data(one)) for one in members)
    wanted = members[-1].sid
    found, cursor = members_page(people.table, ["digest"], lambda one: one.sid == wanted, "", 10)
    assert (found, cursor) == ([], f"digest:{members[MOST_READ - 1].sid}")
    found, cursor = members_page(people.table, ["digest"], lambda one: one.sid == wanted, cursor, 10)
    assert ([one.sid for one in found], cursor) == ([wanted], "")


@pytest.mark.parametrize("cursor", ["digest", "digest:", "digest:x", "nowhere:0", ":0", f"digest:{'0' * 65}"])
def test_what_is_no_cursor_is_refused(people: People, cursor: str) -> None:
    with pytest.raises(UsageError):
        members_page(people.table, ["digest"], lambda _: True, cursor, 10)
    with pytest.raises(UsageError):
        suppressions_page(people.table, cursor.replace("nowhere:0", "x").replace(":0", "x"), 10)
