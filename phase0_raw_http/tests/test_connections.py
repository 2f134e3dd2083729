"""The table of connections: who gets in, who has to go."""

import pytest

from phase0_raw_http.connections import Connections, HungUpError, Phase


class House:
    """A table, and the names of those who were hung up on."""

    def __init__(self, limit: int) -> None:
        self.table = Connections(limit)
        self.gone: list[str] = []

    def admit(self, name: str) -> bool:
        """Let a connection in under its name."""
        return self.table.admit(name, lambda: self.gone.append(name))


def test_a_newcomer_takes_the_place_of_the_longest_waiting() -> None:
    house = House(3)
    for name in "abc":
        house.admit(name)
    house.table.enter("a", Phase.RECEIVING)

    assert house.admit("d")

    assert house.gone == ["b"]


@pytest.mark.parametrize("phase", set(Phase) - {Phase.WORKING})
def test_whoever_waits_for_its_client_can_be_hung_up_on(phase: Phase) -> None:
    house = House(1)
    house.admit("a")
    house.table.enter("a", phase)

    assert house.admit("b")

    assert house.gone == ["a"]
    with pytest.raises(HungUpError):
        house.table.enter("a", Phase.WORKING)


def test_a_route_at_work_is_never_interrupted() -> None:
    house = House(1)
    house.admit("a")
    house.table.enter("a", Phase.WORKING)

    assert not house.admit("b")

    assert house.gone == []
    house.table.enter("a", Phase.SENDING)


def test_a_place_is_free_once_its_owner_has_left() -> None:
    house = House(1)
    house.admit("a")
    house.table.leave("a")
    house.table.leave("a")

    assert house.admit("b")

    assert house.gone == []


def test_draining_hangs_up_on_the_idle_and_keeps_nobody_alive() -> None:
    house = House(3)
    for name, phase in {"a": Phase.IDLE, "b": Phase.RECEIVING, "c": Phase.CLOSING}.items():
        house.admit(name)
        house.table.enter(name, phase)

    house.table.drain(0.01)

    assert house.gone == ["a", "c"]
    assert house.table.draining
    with pytest.raises(HungUpError):
        house.table.enter("b", Phase.IDLE)
