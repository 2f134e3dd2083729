"""When an idempotency key is refused."""

from __future__ import annotations

import pytest

from phase4_layered.domain.errors import KeyReused
from phase4_layered.domain.idempotency import Attempt, Known, RequestInFlight, refuse_misuse

ATTEMPT = Attempt(user_id=1, key="key", fingerprint=b"this")
THIS = Known(b"this", order_id=7, movement_id=None)
THAT = Known(b"that", order_id=7, movement_id=None)


def test_a_key_that_is_new_and_ours_may_be_used() -> None:
    refuse_misuse(ATTEMPT, None, ours=True)


def test_a_key_that_is_new_and_somebody_elses_is_in_use() -> None:
    with pytest.raises(RequestInFlight) as refusal:
        refuse_misuse(ATTEMPT, None, ours=False)

    assert (refusal.value.code, refusal.value.retry_after) == ("request_in_flight", 1)


@pytest.mark.parametrize("ours", [True, False])
def test_a_key_that_is_known_for_this_request_is_that_of_a_retry(*, ours: bool) -> None:
    refuse_misuse(ATTEMPT, THIS, ours=ours)


@pytest.mark.parametrize("ours", [True, False])
def test_a_key_that_is_known_for_another_request_is_refused(*, ours: bool) -> None:
    with pytest.raises(KeyReused) as refusal:
        refuse_misuse(ATTEMPT, THAT, ours=ours)

    assert refusal.value.code == "idempotency_key_reused"
