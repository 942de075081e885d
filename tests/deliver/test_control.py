"""What a person may decide in which state; every absurd order is refused and changes nothing."""

from collections.abc import Iterator

import pytest

from chalicelib.compose.edition import TRANSITIONS, State, check_transition
from chalicelib.compose.editions import Edition
from chalicelib.errors import IllegalTransitionError, NotFoundError
from tests.deliver.house import House
from tests.simulation.world import MONDAY, SLOT

ORDERS = ("approve", "send", "hold", "pause", "resume", "cancel")
PAUSED = "paused"
ALLOWED = {
    "draft": {"approve": State.APPROVED, "send": State.APPROVED, "hold": State.HELD, "cancel": State.CANCELLED},
    "approved": {"send": State.APPROVED, "hold": State.HELD, "cancel": State.CANCELLED},
    "held": {"approve": State.APPROVED, "send": State.APPROVED, "cancel": State.CANCELLED},
    "paused": {"resume": State.SENDING, "cancel": State.CANCELLED},
    "sending": {"send": State.SENDING, "pause": State.HELD, "cancel": State.CANCELLED},
    "sent": dict[str, State](),
    "cancelled": dict[str, State](),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("control"), readers=1)
    yield made
    made.database.close()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("state", ALLOWED)
def test_each_order_in_each_state(house: House, state: str, order: str) -> None:
    slot = f"{state}-{order}"
    stands = State.HELD if state == PAUSED else State(state)
    house.dispatcher.editions.claim_slot(Edition("digest", slot, SLOT, stands, was_sending=state == PAUSED))
    before = house.edition(f"digest/{slot}")
    if order in ALLOWED[state]:
        moved = getattr(house.control, order)(f"digest/{slot}", MONDAY)
        assert moved.state is ALLOWED[state][order]
        assert house.edition(f"digest/{slot}").state is moved.state
        return
    with pytest.raises(IllegalTransitionError):
        getattr(house.control, order)(f"digest/{slot}", MONDAY)
    assert house.edition(f"digest/{slot}") == before


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["digest/1999-01-01", "digest", "", "/", "nobody/2026-11-26", "digest/"])
def test_an_unknown_edition_is_not_found(house: House, order: str, name: str) -> None:
    with pytest.raises(NotFoundError):
        getattr(house.control, order)(name, MONDAY)


@pytest.mark.parametrize("old", State)
@pytest.mark.parametrize("new", State)
def test_a_refused_transition_names_what_is_possible(old: State, new: State) -> None:
    if new in TRANSITIONS[old]:
        check_transition("x", old, new)
        return
    with pytest.raises(IllegalTransitionError) as caught:
        check_transition("x", old, new)
    assert all(state in caught.value.hint for state in TRANSITIONS[old])


def test_final_states_are_final() -> None:
    assert TRANSITIONS[State.SENT] == {State.SENDING}, "for those in doubt alone: see test_doubts.py"
    assert not TRANSITIONS[State.CANCELLED]


def test_sending_a_draft_before_its_slot_brings_the_slot_forward(house: House) -> None:
    house.dispatcher.editions.claim_slot(Edition("digest", "early", SLOT, State.DRAFT))
    assert house.control.send("digest/early", MONDAY).slot_at == MONDAY
