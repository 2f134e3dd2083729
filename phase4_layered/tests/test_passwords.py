"""Passwords: kept as bcrypt of an HMAC, checked in turn and at one price, chosen by few rules."""

from __future__ import annotations

import asyncio
import json
import math
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import bcrypt
import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from phase4_layered.adapters import passwords as hashing
from phase4_layered.adapters.passwords import WAITING_PER_THREAD, Passwords
from phase4_layered.controllers.errors import field_error, problem_of
from phase4_layered.domain import passwords
from phase4_layered.domain.errors import Invalid, Unavailable
from phase4_layered.domain.passwords import (
    MAX_LENGTH,
    MIN_LENGTH,
    GivenPassword,
    NewPassword,
    refuse_weak,
    weaknesses,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Make = Callable[..., Passwords]

PEPPER = "a pepper for tests, of 32 or more"
PASSWORD = "correct horse battery staple"  # noqa: S105
CHEAP = 4  # the lowest cost there is
MANY = CHEAP + 3
LONG = 60  # seconds; nothing takes as long, unless something is broken
ADA = ("Ada Lovelace", "ada.lovelace+tea@example.com")


@pytest.fixture
def make() -> Iterator[Make]:
    """Make Passwords, and close what was made."""
    made: list[Passwords] = []

    def make(pepper: str = PEPPER, cost: int = CHEAP, threads: int = 1) -> Passwords:
        made.append(Passwords(pepper, cost, threads))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def hashed(make: Make) -> str:
    """Keep a password."""
    return run(make().hash(PASSWORD))


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 -- whatever it returns
    """Run to the end, in an event loop of its own."""
    return asyncio.run(asyncio.wait_for(work, LONG))


# ---------------------------------------------------------------- kept


def test_a_password_fits_the_hash_made_of_it_and_no_other_does(make: Make) -> None:
    ours = make()

    hashed = run(ours.hash(PASSWORD))

    assert hashed.startswith("$2b$04$")
    assert len(hashed) == 60
    assert run(ours.verify(PASSWORD, hashed))
    assert not run(ours.verify(PASSWORD + "!", hashed))


def test_the_same_password_is_never_kept_the_same_way(make: Make) -> None:
    ours = make()

    assert run(ours.hash(PASSWORD)) != run(ours.hash(PASSWORD))


@pytest.mark.parametrize(
    ("chosen", "other"),
    [
        ("long" * 18 + "A", "long" * 18 + "B"),
        ("x" * MAX_LENGTH, "x" * (MAX_LENGTH - 1)),
        ("before\0after", "before\0later"),
        ("\0" * 8, "\0" * 9),
        ("Capitals", "capitals"),
        ("spaces inside ", "spaces inside"),
        (" spaces before", "spaces before"),
        ("caf\u00e9 au lait", "cafe\u0301 au lait"),  # look the same
        ("\u212bngstrom", "\u00c5ngstrom"),  # normalise to the same
        ("🦊🦊🦊🦊🦊🦊🦊🦊", "🦊🦊🦊🦊🦊🦊🦊🐺"),
        ("пароль не тот", "пароль не тут"),
    ],
    ids=ascii,
)
def test_every_character_counts_exactly_as_it_was_given(
    make: Make, chosen: str, other: str
) -> None:
    ours = make()

    hashed = run(ours.hash(chosen))

    assert run(ours.verify(chosen, hashed))
    assert not run(ours.verify(other, hashed))


def test_a_hash_is_worth_nothing_without_the_pepper(make: Make) -> None:
    hashed = run(make().hash(PASSWORD))

    assert not run(make(pepper=PEPPER[::-1]).verify(PASSWORD, hashed))
    assert not bcrypt.checkpw(PASSWORD.encode(), hashed.encode())


def test_a_hash_made_at_another_cost_still_fits_and_wants_to_be_made_again(make: Make) -> None:
    earlier, later = make(cost=CHEAP), make(cost=CHEAP + 1)
    hashed = run(earlier.hash(PASSWORD))

    assert run(later.verify(PASSWORD, hashed))
    assert later.needs_rehash(hashed)
    assert not earlier.needs_rehash(hashed)
    assert earlier.needs_rehash(run(later.hash(PASSWORD)))


@pytest.mark.parametrize(
    ("ours", "damaged"),
    [
        (r".*", ""),
        (r".*", PASSWORD),
        (r".$", ""),
        (r"$", "."),
        (r"$", "\n"),
        (r".$", "!"),
        (r"2b", "2a"),
        (r"04", "4"),
        (r"04", "03"),
        (r"04", "32"),
        (r"04", "\u0664\u0664"),
    ],
    ids=ascii,
)
def test_a_hash_that_is_none_of_ours_is_an_error_and_not_a_wrong_password(
    make: Make, hashed: str, ours: str, damaged: str
) -> None:
    hashed = re.sub(ours, damaged, hashed, count=1)

    with pytest.raises(ValueError, match="malformed") as raised:
        run(make().verify(PASSWORD, hashed))
    with pytest.raises(ValueError, match="malformed"):
        make().needs_rehash(hashed)

    assert not hashed or hashed not in repr(raised.value)


# ---------------------------------------------------------------- at one price


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the rounds that bcrypt is asked for: 2^cost at each call."""
    asked: list[int] = []
    hashpw, checkpw = bcrypt.hashpw, bcrypt.checkpw

    def counted_hashpw(password: bytes, salt: bytes) -> bytes:
        asked.append(2 ** int(salt[4:6]))
        return hashpw(password, salt)

    def counted_checkpw(password: bytes, hashed: bytes) -> bool:
        asked.append(2 ** int(hashed[4:6]))
        return checkpw(password, hashed)

    monkeypatch.setattr(bcrypt, "hashpw", counted_hashpw)
    monkeypatch.setattr(bcrypt, "checkpw", counted_checkpw)
    return asked


def test_an_unknown_person_has_no_password_and_costs_as_much_work(
    make: Make, rounds: list[int]
) -> None:
    ours = make(cost=MANY)

    assert not run(ours.verify(PASSWORD, None))

    assert rounds == [2**MANY]


@pytest.mark.parametrize("given", [PASSWORD, "another"])
@pytest.mark.parametrize("cost", range(CHEAP, MANY + 1))
def test_a_known_person_costs_the_same_work_at_whatever_cost_the_hash_was_made(
    make: Make, rounds: list[int], cost: int, given: str
) -> None:
    hashed = run(make(cost=cost).hash(PASSWORD))
    rounds.clear()

    assert run(make(cost=MANY).verify(given, hashed)) is (given == PASSWORD)

    assert rounds[0] == 2**cost
    assert math.fsum(rounds) == 2**MANY


def test_nobodys_hash_lets_nobody_in(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bcrypt, "checkpw", Mock(return_value=True))

    assert not run(make().verify(PASSWORD, None))


def test_bcrypt_is_given_the_same_length_for_every_password(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpw = Mock(return_value=True)
    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    ours = make()

    for each in ("x", "x" * MAX_LENGTH, "\0", "🦊" * MAX_LENGTH):
        run(ours.verify(each, None))

    assert [len(call.args[0]) for call in checkpw.call_args_list] == [44] * 4


# ---------------------------------------------------------------- in turn


class Gate:
    """Stands in for bcrypt: holds up every call until it is opened, and sees who is inside."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._lock = threading.Lock()
        self._entered = threading.Semaphore(0)
        self.calls = 0
        self.inside = 0
        self.most_inside = 0
        self.threads: set[int] = set()

    def checkpw(self, _password: bytes, _hashed: bytes) -> bool:
        """Take as long as the test wants it to."""
        with self._lock:
            self.calls += 1
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            self.threads.add(threading.get_ident())
        self._entered.release()
        opened = self._open.wait(LONG)
        with self._lock:
            self.inside -= 1
        return opened

    async def entered(self, times: int = 1) -> None:
        """Wait until so many more calls have begun; the event loop turns meanwhile."""
        for _ in range(times):
            assert await asyncio.to_thread(self._entered.acquire, timeout=LONG)

    def open(self) -> None:
        """Let everybody pass from now on."""
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Put a gate where bcrypt checks."""
    gate = Gate()
    monkeypatch.setattr(bcrypt, "checkpw", gate.checkpw)
    yield gate
    gate.open()


async def crowd(ours: Passwords, hashed: str, people: int) -> list[asyncio.Task[bool]]:
    """Let so many ask at once; all have, when this returns."""
    asking = [asyncio.create_task(ours.verify(PASSWORD, hashed)) for _ in range(people)]
    await asyncio.sleep(0)  # one turn of the event loop
    return asking


async def is_refused(ours: Passwords, hashed: str) -> bool:
    """Ask; tell whether there was no room."""
    (answer,) = await asyncio.gather(ours.verify(PASSWORD, hashed), return_exceptions=True)
    if isinstance(answer, Unavailable):
        problem = problem_of(answer)
        assert (problem.status_code, problem.code) == (503, "overloaded")
        assert problem.headers == {"Retry-After": "1"}
    return answer is not True


def test_the_event_loop_turns_while_a_thread_checks(make: Make, gate: Gate, hashed: str) -> None:
    async def scenario() -> bool:
        (asking,) = await crowd(make(), hashed, 1)
        await gate.entered()
        assert not asking.done()
        gate.open()  # nobody else would
        return await asking

    assert run(scenario())


def test_no_more_are_checked_at_once_than_there_are_threads(
    make: Make, gate: Gate, hashed: str
) -> None:
    async def scenario() -> list[bool]:
        everybody = await crowd(make(threads=2), hashed, 8)
        await gate.entered(times=2)
        gate.open()
        return await asyncio.gather(*everybody)

    assert run(scenario()) == [True] * 8
    assert gate.most_inside == 2
    assert len(gate.threads) == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_who_finds_the_queue_full_is_told_at_once_and_who_was_in_it_is_served(
    make: Make, gate: Gate, hashed: str, threads: int
) -> None:
    async def scenario() -> list[bool]:
        ours = make(threads=threads)
        everybody = await crowd(ours, hashed, threads * (1 + WAITING_PER_THREAD))
        await gate.entered(threads)
        assert await is_refused(ours, hashed)  # while the gate is shut
        gate.open()
        served = await asyncio.gather(*everybody)
        assert not await is_refused(ours, hashed)  # there is room again
        return served

    assert all(run(scenario()))


def test_an_unknown_person_waits_in_the_same_queue(make: Make, gate: Gate, hashed: str) -> None:
    async def scenario() -> None:
        ours = make()
        everybody = await crowd(ours, hashed, 1 + WAITING_PER_THREAD)
        await gate.entered()
        with pytest.raises(Unavailable, match="waiting"):
            await ours.verify(PASSWORD, None)
        with pytest.raises(Unavailable, match="waiting"):
            await ours.hash(PASSWORD)
        gate.open()
        await asyncio.gather(*everybody)

    run(scenario())


def test_who_leaves_the_queue_makes_room_and_no_work(make: Make, gate: Gate, hashed: str) -> None:
    async def scenario() -> None:
        ours = make()
        first, *waiting = await crowd(ours, hashed, 1 + WAITING_PER_THREAD)
        await gate.entered()
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        second_wave = await crowd(ours, hashed, WAITING_PER_THREAD)
        assert await is_refused(ours, hashed)
        gate.open()
        assert all(await asyncio.gather(first, *second_wave))

    run(scenario())
    assert gate.calls == 1 + WAITING_PER_THREAD


def test_who_leaves_while_being_checked_keeps_the_place_until_the_thread_is_free(
    make: Make, gate: Gate, hashed: str
) -> None:
    async def scenario() -> None:
        ours = make()
        (leaving,) = await crowd(ours, hashed, 1)
        await gate.entered()
        leaving.cancel()
        await asyncio.wait([leaving])
        waiting = await crowd(ours, hashed, WAITING_PER_THREAD)
        assert await is_refused(ours, hashed)
        gate.open()
        assert all(await asyncio.gather(*waiting))

    run(scenario())


def test_whose_wait_is_over_is_told_and_leaves_no_work(
    make: Make, gate: Gate, hashed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        ours = make()
        (first,) = await crowd(ours, hashed, 1)
        await gate.entered()
        with monkeypatch.context() as patch:
            patch.setattr(hashing, "PATIENCE", 0)
            with pytest.raises(Unavailable, match="too long") as refusal:
                await ours.verify(PASSWORD, hashed)
        assert refusal.value.code == "overloaded"
        gate.open()
        assert await first
        assert await ours.verify(PASSWORD, hashed)

    run(scenario())
    assert gate.calls == 2


def test_closing_waits_for_nobody_and_drops_who_has_not_begun(
    make: Make, gate: Gate, hashed: str
) -> None:
    async def scenario() -> None:
        ours = make()
        first, *waiting = await crowd(ours, hashed, 3)
        await gate.entered()

        ours.close()  # while the gate is shut

        await asyncio.wait(waiting)
        assert all(each.cancelled() for each in waiting)
        gate.open()
        assert await first

    run(scenario())
    assert gate.calls == 1


def test_an_error_in_a_thread_reaches_who_asked_and_nobody_after_them(
    make: Make, monkeypatch: pytest.MonkeyPatch, hashed: str
) -> None:
    async def scenario() -> bool:
        ours = make()
        with monkeypatch.context() as patch:
            patch.setattr(bcrypt, "checkpw", Mock(side_effect=MemoryError))
            with pytest.raises(MemoryError):
                await ours.verify(PASSWORD, hashed)
        return await ours.verify(PASSWORD, hashed)

    assert run(scenario())


# ---------------------------------------------------------------- chosen


@pytest.mark.parametrize("password", ["password1", "PASSWORD1", "iLoveYou", "1Q2W3E4R", "12345678"])
def test_what_most_people_choose_is_refused_in_any_case(password: str) -> None:
    (message,) = weaknesses(password, about=ADA)

    assert "most people" in message


@pytest.mark.parametrize(
    "password",
    [
        "ada.lovelace+tea@example.com",
        "ADA.LOVELACE+TEA@EXAMPLE.COM",
        "ada.lovelace+tea",
        "ada.lovelace",
        "Ada Lovelace",
        "adalovelace",
        "Lovelace",
        "lovelace-ada",
        "Ad\u00e1Lovelace1815",
        "1Lovelace!",
        "adaadaada",
        "example.com",
        "ShopShop",
        "shop 1234",
        "admin-ada",
    ],
)
def test_what_a_name_an_email_or_the_shop_suggests_is_refused(password: str) -> None:
    (message,) = weaknesses(password, about=ADA)

    assert "your name" in message


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "lovelace's engine",
        "ada and the shop",
        "shop 20261127 20261128",
        "83917205",
        "        ",
        "🦊🦊🦊🦊🦊🦊🦊🦊",
        "пароль не тот",
        "\0" * 8,
        "x" * MAX_LENGTH,
    ],
    ids=ascii,
)
def test_anything_else_goes_whatever_it_is_made_of(password: str) -> None:
    assert weaknesses(password, about=ADA) == []


@pytest.mark.parametrize(
    ("name", "password", "refused"),
    [
        ("Ann Annabel", "annabel1815", True),
        ("Li", "Li-Li-Li-Li", True),
        ("🦊🦊🦊🦊", "🦊🦊🦊🦊🦊🦊🦊🦊", True),
        ("🦊🦊🦊🦊", "🦊🦊🦊🦊🐺🦊🦊🦊", False),
        ("Li", "living likely", False),
        ("...", "anything else", False),
        (" ", "anything else", False),
        ("(a|aa)+", "a" * MAX_LENGTH + "!", True),
        ("(a|aa)+", "a" * (MAX_LENGTH - 1) + "b", False),
    ],
    ids=ascii,
)
def test_a_name_of_any_kind_excludes_what_is_made_of_it_alone(
    name: str, password: str, *, refused: bool
) -> None:
    assert bool(weaknesses(password, about=[name])) is refused


def test_a_weak_password_is_answered_422_under_the_name_of_its_field() -> None:
    refuse_weak(PASSWORD, field="new_password", about=ADA)

    with pytest.raises(Invalid) as refusal:
        refuse_weak("password1", field="new_password", about=ADA)

    problem = problem_of(refusal.value)
    assert (problem.status_code, problem.code) == (422, "invalid_payload")
    assert {each["field"] for each in refusal.value.errors} == {"new_password"}


def test_the_list_holds_3000_passwords_that_would_otherwise_be_accepted() -> None:
    text = Path(passwords.__file__).with_name("common_passwords.txt").read_text("utf-8")
    listed = text.splitlines()

    assert text == "".join(f"{each}\n" for each in listed)
    assert len(listed) == len(set(listed)) == len(passwords.COMMON) >= 3000
    assert all(MIN_LENGTH <= len(each) <= MAX_LENGTH for each in listed)
    assert all(each == each.strip() == each.casefold() for each in listed)


# ---------------------------------------------------------------- fields


class Choice(BaseModel):
    """Two bodies in one."""

    model_config = ConfigDict(strict=True, extra="forbid")

    new: NewPassword = PASSWORD
    given: GivenPassword = PASSWORD


def errors_of(**fields: object) -> list[str]:
    """Send; returns the messages that would be answered."""
    try:
        Choice.model_validate(fields)
    except ValidationError as error:
        return [field_error({**each})["message"] for each in error.errors()]
    return []


@pytest.mark.parametrize(
    "character", ["x", " ", "\0", "é", "🦊", "\u202e", "\U0010ffff"], ids=ascii
)
def test_length_is_counted_in_characters_and_any_will_do(character: str) -> None:
    assert not errors_of(new=character * MIN_LENGTH)
    assert not errors_of(new=character * MAX_LENGTH)
    assert errors_of(new=character * (MIN_LENGTH - 1))
    assert errors_of(new=character * (MAX_LENGTH + 1))


def test_a_password_that_is_given_may_be_shorter_than_one_may_choose_today() -> None:
    assert not errors_of(given="x")
    assert not errors_of(given="x" * MAX_LENGTH)
    assert errors_of(given="")
    assert errors_of(given="x" * (MAX_LENGTH + 1))


@pytest.mark.parametrize("field", ["new", "given"])
def test_half_a_surrogate_pair_is_refused_politely_and_a_whole_one_is_a_character(
    field: str,
) -> None:
    half, whole = json.loads('["half \\ud83e pair", "whole \\ud83e\\udd8a pair"]')

    assert errors_of(**{field: half}) == ["must not contain half a character (U+D800-U+DFFF)"]
    assert not errors_of(**{field: whole})


@pytest.mark.parametrize("field", ["new", "given"])
@pytest.mark.parametrize("value", [12345678, True, None, ["secret"], b"secret password"])
def test_only_a_string_is_a_password(field: str, value: object) -> None:
    assert errors_of(**{field: value})


def test_openapi_tells_clients_to_hide_what_is_typed() -> None:
    for field in Choice.model_json_schema()["properties"].values():
        assert field["format"] == "password"
        assert field["writeOnly"] is True
        assert field["maxLength"] == MAX_LENGTH


# ---------------------------------------------------------------- never shown


def test_neither_a_body_nor_passwords_show_what_is_secret(make: Make) -> None:
    ours = make()

    assert PASSWORD not in repr(Choice()) + str(Choice())
    assert PEPPER not in repr(ours) + str(ours)


@pytest.mark.parametrize("secret", ["secret!", "secret \ud800 secret", "secret" * 200])
def test_no_message_repeats_the_password(secret: str) -> None:
    messages = errors_of(new=secret, given=secret)

    assert messages
    assert not any("secret" in message for message in messages)


@pytest.mark.parametrize("secret", ["password1", "Lovelace 1815", "iloveyou!"])
def test_no_refusal_repeats_the_password(secret: str) -> None:
    messages = weaknesses(secret, about=ADA)

    assert messages
    assert not any(secret.casefold() in message.casefold() for message in messages)
