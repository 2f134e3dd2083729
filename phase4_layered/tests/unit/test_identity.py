"""What who is asking lets them see."""

from __future__ import annotations

from phase4_layered.domain.identity import Identity

ADA = Identity(user_id=1, role="user")
ADMIN = Identity(user_id=2, role="admin")


def test_a_user_sees_what_is_theirs() -> None:
    assert ADA.may_see(1)
    assert not ADA.may_see(2)
    assert ADA.owner == 1


def test_an_admin_sees_what_is_anybodys() -> None:
    assert ADMIN.is_admin
    assert ADMIN.may_see(1)
    assert ADMIN.owner is None
