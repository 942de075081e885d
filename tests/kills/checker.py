"""What must hold of a world in which processes died: the server's record against the books."""

from collections import Counter, defaultdict

from chalicelib.compose.edition import State
from chalicelib.deliver.books import add_up
from tests.kills.ground import EDITION, IN_THE_AIR, WAVE, World

GOT = {"s": 1, "v": 1, "b": 1, "c": 1, "f": 0, "k": 0}
"""How many mails the server has accepted for somebody with this mark; in doubt (?) may be 0 or 1."""
Place = tuple[int, int]


def check(world: World) -> Counter[str]:
    """Raises AssertionError with what does not hold; the marks by their number."""
    one_edition(world)
    marks = frozen(world)
    nobody_is_lost_or_written_to_twice(world, marks)
    each_mail_is_that_of_its_place(world, marks)
    in_doubt_is_a_wave_for_each_incident(world, marks)
    nothing_follows_a_farewell(world)
    books_balance(world)
    return Counter(mark for _, mark in marks.values())


def one_edition(world: World) -> None:
    editions = [(edition.id, edition.state) for edition in world.runtime.dispatcher.editions.of("digest")]
    assert editions == [(EDITION, State.SENT)], editions


def frozen(world: World) -> dict[str, tuple[Place, str]]:
    """Each reader's place and mark; everybody has one, and nobody two."""
    sids = {world.runtime.audience.sid(address): address for address in world.ground.addresses}
    chunks, found = world.runtime.dispatcher.chunks, list[tuple[str, tuple[Place, str]]]()
    for number, held in chunks.ledgers(EDITION):
        for position, recipient in enumerate(chunks.recipients(EDITION, number)):
            found.append((sids[recipient.sid], ((number, position), held.ledger.marks[position])))
    assert len(dict(found)) == len(found), "somebody stands in two places"
    staying = set(sids.values()) - set(world.left)
    assert staying <= set(dict(found)), f"left out: {sorted(staying - set(dict(found)))}"
    return dict(found)


def nobody_is_lost_or_written_to_twice(world: World, marks: dict[str, tuple[Place, str]]) -> None:
    got = Counter(world.server.sink.recipients)
    assert set(got) <= set(marks), f"strangers: {set(got) - set(marks)}"
    for address, (place, mark) in marks.items():
        assert got[address] <= 1, f"{address} at {place}, {mark}: {got[address]} times"
        assert mark == "?" or got[address] == GOT[mark], f"{address} at {place}: {mark}, accepted {got[address]} times"
    for address in world.bounced:
        assert marks[address][1] == "b", f"{address} bounced, and is on record as {marks[address][1]}"


def each_mail_is_that_of_its_place(world: World, marks: dict[str, tuple[Place, str]]) -> None:
    for mail in world.server.sink.received:
        assert _place(mail.content) == marks[mail.recipient][0], f"{mail.recipient} got {_place(mail.content)}"


def in_doubt_is_a_wave_for_each_incident(world: World, marks: dict[str, tuple[Place, str]]) -> None:
    """Of who bounced it is known by now that they were sent to; they were in doubt once, or not."""
    doubt = [address for address, (_, mark) in marks.items() if mark == "?"]
    assert len(doubt) <= IN_THE_AIR * world.incidents, f"{len(doubt)} in doubt after {world.incidents} kills"


def nothing_follows_a_farewell(world: World) -> None:
    """While nobody sends: nothing at all. In mid-send: of each chunk no more than the wave that was in flight."""
    beyond: dict[tuple[int, int], list[str]] = defaultdict(list)
    for address, (index, moment) in world.left.items():
        for mail in world.server.sink.received[index:]:
            if mail.recipient == address:
                assert moment is not None, f"{address} had left before the process began"
                beyond[moment, _place(mail.content)[0]].append(address)
    for (_, chunk), people in beyond.items():
        assert len(people) <= WAVE, f"chunk {chunk}: {people} had left, and got it"


def books_balance(world: World) -> None:
    dispatcher = world.runtime.dispatcher
    edition = dispatcher.editions.find(EDITION)
    books = dispatcher.books(edition)
    assert books.balanced, books
    assert books.done, books
    assert books == add_up(None, (held.ledger for _, held in dispatcher.chunks.ledgers(EDITION)))


def _place(content: bytes) -> Place:
    """Chunk and position, as the Message-ID says them."""
    head = content.partition(b"\r\n\r\n")[0].decode()
    line = next(line for line in head.split("\r\n") if line.lower().startswith("message-id:"))
    chunk, position = line.partition("<")[2].split(".")[2:4]
    return int(chunk), int(position)
