"""Lists, a stretch at a time, and where the next one begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from phase4_layered.domain.paging import START, Place, Stretch, stretch_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def place_of(item: int) -> Place:
    return Place(NOON, item)


def test_a_stretch_after_which_the_list_goes_on_tells_its_own_end() -> None:
    assert stretch_of([9, 8, 7], 2, place_of) == Stretch([9, 8], Place(NOON, 8))


@pytest.mark.parametrize("found", [[9, 8], [9], []])
def test_a_stretch_after_which_there_is_nothing_is_the_last(found: list[int]) -> None:
    assert stretch_of(found, 2, place_of) == Stretch(found, None)


def test_places_go_by_time_and_of_one_instant_by_id() -> None:
    later = NOON + timedelta(microseconds=1)

    assert Place(NOON, 1) < Place(NOON, 2) < Place(later, 1) < START
