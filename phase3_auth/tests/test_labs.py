"""The experiments run to their end and find what the lesson says; what they time proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from phase3_auth.labs import bcrypt, jwt_vs_session, login_storm, login_timing, steal
from phase3_auth.labs._stolen import COMMON, attack, ways
from shared.course import labs
from shared.phases import find_phase

if TYPE_CHECKING:
    from pathlib import Path

PHASE = find_phase(3)


Find = Callable[[str], "Found"]


class Found(NamedTuple):
    """What a run has left behind."""

    out: Path
    report: str

    @property
    def tables(self) -> list[list[list[str]]]:
        """The cells of each table, without the headings."""
        found: list[list[list[str]]] = [[]]
        for line in self.report.splitlines():
            if line.startswith("|"):
                found[-1].append(line.strip("| ").split(" | "))
            elif found[-1]:
                found.append([])
        return [table[2:] for table in found if table]


@pytest.fixture(scope="module")
def find(tmp_path_factory: pytest.TempPathFactory) -> Find:
    """Run an experiment when it is first asked for, and once for all tests."""

    @cache
    def run(name: str) -> Found:
        out = tmp_path_factory.mktemp(name)
        labs.run(PHASE, name, quick=True, out=out)
        return Found(out, (out / f"{name}.md").read_text(encoding="utf-8"))

    return run


# ---------------------------------------------------------------- bcrypt


def test_a_fast_hash_gives_the_whole_list_away_and_the_pepper_nothing(find: Find) -> None:
    times, found = find("bcrypt").tables

    assert [row[0] for row in times][:2] == ["SHA-256", "bcrypt, cost 4"]
    whose = {row[0]: row[3] for row in found}
    on_the_list = ", ".join(bcrypt.PLACES)
    assert len(whose) == 6
    assert whose["SHA-256"] == whose["SHA-256 with a salt"] == on_the_list
    assert whose["bcrypt, cost 6, pepper"] == "nobody's"
    assert "Ivy" not in str(whose)
    assert "Joy" not in str(whose)
    assert (find("bcrypt").out / "bcrypt.svg").exists()


@pytest.mark.parametrize("name", [name for name in ways(4, 4) if "pepper" not in name])
def test_the_commonest_password_is_the_first_to_be_found(name: str) -> None:
    way = ways(4, 4)[name]

    loot = attack({"Ada": way.keep(COMMON[0]), "Bob": way.keep("gravel tulip")}, way.tries, 0)

    assert list(loot.found) == ["Ada"]
    assert loot.to_do == len(COMMON) - 1


def test_whoever_has_the_pepper_too_finds_what_he_would_without_one() -> None:
    lacking, having = [way for name, way in ways(4, 4).items() if "pepper" in name]

    kept = {"Ada": having.keep(COMMON[0])}

    assert not attack(kept, lacking.tries, 0).found
    assert attack(kept, having.tries, 0).found


def test_without_a_salt_one_hash_serves_for_all_accounts() -> None:
    way = ways(4, 4)["SHA-256"]

    loot = attack({who: way.keep(who) for who in ("nobody's", "guess", "at all")}, way.tries, 9)

    assert (loot.hashes, loot.to_do) == (len(COMMON), 0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (4e-7, "0.4 µs"),
        (0.0123, "12.3 ms"),
        (119, "119 s"),
        (150, "2.5 minutes"),
        (5 * 86400, "5 days"),
        (45.2 * 31_557_600, "45 years"),
        (28_912_345 * 31_557_600, "29,000,000 years"),
    ],
)
def test_a_duration_is_written_in_a_unit_that_fits(seconds: float, words: str) -> None:
    assert bcrypt.lasting(seconds) == words


# ---------------------------------------------------------------- login_timing


def test_all_kinds_of_addresses_get_one_answer(find: Find) -> None:
    [shown] = find("login_timing").tables

    assert [row[0] for row in shown] == ["hasty"] * 3 + ["ours"] * 3
    assert "36 answers of 1 kind: 401 `" in find("login_timing").report
    assert (find("login_timing").out / "login_timing.svg").exists()


def test_a_line_between_two_kinds_is_judged_by_times_that_it_was_not_drawn_by() -> None:
    apart = login_timing.told_apart([1, 2, 3, 4], [5, 6, 7, 8])
    other_way_round = login_timing.told_apart([5, 6, 7, 8], [1, 2, 3, 4])
    by_chance = login_timing.told_apart([1, 8, 2, 7], [7, 2, 8, 1])

    assert (apart, other_way_round, by_chance) == (100, 100, 0)


# ---------------------------------------------------------------- forge


def test_the_naive_verifier_is_fooled_by_all_but_one_and_ours_by_none(find: Find) -> None:
    _, let_in = find("forge").tables

    real, changed, *others = let_in
    assert real[1:] == ["Mallory", "lets Mallory in", "It is in order."]
    assert changed[1] == "nobody"
    assert len(others) == 12
    assert {row[1] for row in others} == {"the admin", "Mallory"}
    assert {row[2] for row in [changed, *others]} == {"refuses: 401 invalid_token"}


def test_each_is_refused_for_its_own_reason_and_all_with_one_answer(find: Find) -> None:
    _, let_in = find("forge").tables

    because = {row[0]: row[3] for row in let_in}
    assert because["claims changed"] == "Signature verification failed"
    assert because["HS256 in the place of RS256"] == "Signature verification failed"
    assert because["for another service"] == "Audience doesn't match"
    assert because["by another issuer"] == "Invalid issuer"
    assert because["expired an hour ago"] == "It is not good now."
    assert because["Mallory's own, after her logout"] == "It was taken back: its jti is denied."
    assert "13 refusals, 1 answer" in find("forge").report


# ---------------------------------------------------------------- steal

STORIES = [title for title, _ in steal.STORIES.values()]


def test_a_family_dies_when_a_token_comes_twice_whoever_is_first(find: Find) -> None:
    *_, stays, _ = find("steal").tables

    ended = "the family ends"
    assert stays == [
        [STORIES[0], "10:05", "10:15", f"the owner exchanges R1: 401, {ended}"],
        [STORIES[1], "never", "-", "-"],
        [STORIES[2], "10:15:05", "10:31", f"the thief exchanges R2: 401, {ended}"],
        [STORIES[3], "10:05", "10:15", "the thief shows A1: 401, expired"],
        [STORIES[4], "10:05", "10:10", f"the owner logs out: 204, {ended}"],
    ]
    assert find("steal").report.count("WARNING auth.refresh_token_reused") == 3


def test_in_the_end_the_owner_is_in_and_the_thief_is_out(find: Find) -> None:
    *_, hands = find("steal").tables

    assert [row[0] for row in hands[::2]] == STORIES
    assert {tuple(row[1::2]) for row in hands[::2]} == {("the owner", "200")}
    assert {row[4] for row in hands[::2]} == {"200"}
    assert {row[3] for row in hands[1::2]} == {"401"}
    assert {row[4] for row in hands[1::2]} == {"401", "-"}


def test_within_the_grace_the_thief_is_given_what_the_owner_has(find: Find) -> None:
    _, owner_first, within_grace, *_ = find("steal").tables

    assert [row[2:4] for row in within_grace[2:4]] == [
        ["exchanges R1", "R2, A2"],
        ["exchanges R1", "R2, A2, the same again"],
    ]
    after = {row[4] for row in owner_first[3:6]}
    assert after == {"no tokens; denied: A2"}
    pictures = {picture.name for picture in find("steal").out.glob("*.svg")}
    assert pictures == {f"steal_{name}.svg" for name in steal.DRAWN}


# ---------------------------------------------------------------- jwt_vs_session


def test_a_token_whose_role_is_current_asks_as_often_as_a_cookie(find: Find) -> None:
    nothing, product, _ = find("jwt_vs_session").tables

    assert [row[0] for row in nothing] == [row[0] for row in product] == [*jwt_vs_session.WAYS]
    assert [row[5] for row in nothing] == ["0", "0", "1", "1"]
    assert [row[5] for row in product] == ["1", "1", "2", "2"]


def test_only_a_token_that_nobody_asks_about_outlives_the_logout(find: Find) -> None:
    *_, let_in = find("jwt_vs_session").tables

    assert [row[1:] for row in let_in] == [["15", "14"], ["0", "-"], ["0", "-"]]
    assert (find("jwt_vs_session").out / "jwt_vs_session.svg").exists()


# ---------------------------------------------------------------- login_storm


def test_every_storm_is_sent_and_answered_while_others_ask(find: Find) -> None:
    others, storm = find("login_storm").tables

    assert [row[0] for row in others] == [login_storm.QUIET, *login_storm.WAYS]
    assert {int(row[1]) + int(row[2]) for row in others} == {50}
    assert [row[0] for row in storm] == [*login_storm.WAYS]
    assert {row[1] for row in storm} == {"10"}
    assert {int(row[2]) + int(row[3]) for row in storm} == {10}
    assert (find("login_storm").out / "login_storm.svg").exists()


def test_every_experiment_has_a_test() -> None:
    assert set(PHASE.labs) == {
        "bcrypt",
        "forge",
        "jwt_vs_session",
        "login_storm",
        "login_timing",
        "steal",
    }
