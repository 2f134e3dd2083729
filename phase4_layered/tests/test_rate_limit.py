"""Rate limits: who is who behind proxies, what is counted for whom, and who is never stopped."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from phase4_layered.adapters import rate_limit
from phase4_layered.adapters.rate_limit import Policy, RateLimits, Windows, limit_of
from phase4_layered.controllers.client_address import client_address
from phase4_layered.controllers.errors import problem_of
from phase4_layered.controllers.rate_limit import headers_of
from phase4_layered.domain.errors import RateLimited
from phase4_layered.domain.limits import Allowance
from phase4_layered.networks import trusted_networks

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

PROXIES = trusted_networks("10.0.0.0/8, 2001:db8:aaaa::/48")
OWNER, STRANGER = "192.0.2.1", "203.0.113.9"


# ---------------------------------------------------------------- who a client is


def request_from(peer: str | None, *forwarded_for: str, **others: str) -> Scope:
    """Make a request as the server hands it over; `X_Real_IP="…"` adds such a header."""
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded_for]
    headers += [
        (name.lower().replace("_", "-").encode(), value.encode()) for name, value in others.items()
    ]
    return {"type": "http", "client": (peer, 4711) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (None, "local"),
        ("testclient", "local"),
    ],
)
def test_without_proxies_a_client_is_its_peer(peer: str | None, client: str) -> None:
    assert client_address(request_from(peer), ()) == client
    assert client_address(request_from(peer, "203.0.113.9"), ()) == client


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        # One proxy, two, and two of which the second made a header of its own.
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1", "10.0.0.2"], "192.0.2.1"),
        ("2001:db8:aaaa::1", ["192.0.2.1,10.0.0.2"], "192.0.2.1"),
        # A socket that takes both kinds shows an IPv4 proxy like this.
        ("::ffff:10.0.0.1", ["::ffff:192.0.2.1"], "192.0.2.1"),
        # All the ways to write one.
        ("10.0.0.1", [" \t192.0.2.1 "], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.1:52000"], "192.0.2.1"),
        ("10.0.0.1", ["2001:db8:1:2::5"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2::5]"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:DB8:1:2::5]:443"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["fe80::1%eth0"], "fe80::/64"),
        # Somebody inside: the first of the proxies is the client.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_asked_for_whom_it_speaks(
    peer: str, forwarded_for: list[str], client: str
) -> None:
    assert client_address(request_from(peer, *forwarded_for), PROXIES) == client


@pytest.mark.parametrize("invented", ["198.51.100.7", "10.0.0.9", "127.0.0.1", "", "unknown"])
@pytest.mark.parametrize("peer", ["203.0.113.9", "11.0.0.1", "2001:db8:aaab::1", "::1"])
def test_a_client_cannot_forge_its_address(invented: str, peer: str) -> None:
    alone = client_address(request_from(peer), PROXIES)

    assert client_address(request_from(peer, invented), PROXIES) == alone
    # Through a proxy, which adds the peer to the same line or in a line of its own.
    assert client_address(request_from("10.0.0.1", f"{invented}, {peer}"), PROXIES) == alone
    assert client_address(request_from("10.0.0.1", invented, peer), PROXIES) == alone
    assert client_address(request_from("10.0.0.1", f"{invented}, {peer}, 10.0.0.2"), PROXIES) == (
        alone
    )


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "X_Real_IP",
        "X_Client_IP",
        "True_Client_IP",
        "CF_Connecting_IP",
        "X_Cluster_Client_IP",
        "X_Originating_IP",
        "X_Remote_Addr",
        "X_Forwarded",
        "X_Forwarded_Host",
    ],
)
@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.0.1"])
def test_no_other_header_names_a_client(header: str, peer: str) -> None:
    value = "for=198.51.100.7" if header == "Forwarded" else "198.51.100.7"

    assert client_address(request_from(peer, **{header: value}), PROXIES) == peer
    assert client_address(request_from("10.0.0.1", "203.0.113.9", **{header: value}), PROXIES) == (
        "203.0.113.9"
    )


RUBBISH = [
    *("unknown", "_hidden", "localhost", "", " ", "-", "\x00", "\xff", "%", ":", "::%", "[", "[]"),
    *("192.0.2", "192.0.2.256", "192.0.2.010", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:1:1"),
    *("192.0.2.1/32", "2001:db8::/32", "[::1", "::1]", "[::1]x", "[::1]:123456", "\xa0192.0.2.1"),
    *("for=192.0.2.1", "192.0.2.1;192.0.2.2", "192.0.2.1 192.0.2.2", "1", "3221225985", "¹.0.0.1"),
]


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_of_rubbish_only_what_stands_behind_it_is_believed(rubbish: str) -> None:
    assert client_address(request_from("10.0.0.1", rubbish), PROXIES) == "10.0.0.1"
    assert client_address(request_from("10.0.0.1", f"192.0.2.1, {rubbish}"), PROXIES) == "10.0.0.1"
    assert client_address(request_from("10.0.0.1", f"192.0.2.1,{rubbish},10.0.0.2"), PROXIES) == (
        "10.0.0.2"
    )
    assert client_address(request_from("10.0.0.1", f"{rubbish},192.0.2.1"), PROXIES) == "192.0.2.1"


HOPS = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(["10.0.0.2", "10.9.9.9", "2001:db8:aaaa::7", "::ffff:10.0.0.3", *RUBBISH]),
    st.text(st.characters(max_codepoint=255), max_size=20),
)
LINES = st.lists(st.lists(HOPS, max_size=5).map(",".join), max_size=5)


@given(peer=st.ip_addresses().map(str), lines=LINES)
def test_whatever_is_in_the_header_a_stranger_stays_who_he_is(peer: str, lines: list[str]) -> None:
    alone = client_address(request_from(peer), ())

    assert client_address(request_from(peer, *lines), ()) == alone
    assert client_address(request_from("10.0.0.1", *lines, "203.0.113.9"), PROXIES) == "203.0.113.9"


@given(lines=LINES)
def test_whatever_is_in_the_header_a_client_is_an_address(lines: list[str]) -> None:
    client = client_address(request_from("10.0.0.1", *lines), PROXIES)

    assert ip_address(client.removesuffix("/64"))
    assert (":" in client) == client.endswith("/64")


HALVES = st.integers(1, 2**64 - 1)


@given(upper=HALVES, lower=HALVES, other=HALVES)
def test_all_addresses_of_a_household_are_one_client(upper: int, lower: int, other: int) -> None:
    addresses = [str(IPv6Address((upper << 64) + half)) for half in (lower, other)]

    first, second = (client_address(request_from(address), ()) for address in addresses)

    assert first == second


@given(upper=HALVES, other=HALVES, lower=HALVES)
def test_two_households_are_two_clients(upper: int, other: int, lower: int) -> None:
    assume(upper != other)
    addresses = [str(IPv6Address((half << 64) + lower)) for half in (upper, other)]

    first, second = (client_address(request_from(address), ()) for address in addresses)

    assert first != second


# ---------------------------------------------------------------- what settings say


@pytest.mark.parametrize("nothing", ["", "  ", ",", " , "])
def test_by_default_nobody_is_trusted(nothing: str) -> None:
    assert trusted_networks(nothing) == ()


def test_trusted_proxies_are_addresses_and_networks() -> None:
    networks = trusted_networks(" 10.0.0.7,10.1.0.0/16 , ::1,2001:db8::/32")

    assert [str(network) for network in networks] == [
        "10.0.0.7/32",
        "10.1.0.0/16",
        "::1/128",
        "2001:db8::/32",
    ]


@pytest.mark.parametrize(
    "wrong",
    ["proxy.example", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0-10.0.0.9", "10.0.0.1;::1", "*"],
)
def test_what_is_no_network_is_refused_and_told_how_one_looks(wrong: str) -> None:
    with pytest.raises(ValueError, match="must be addresses and networks such as 10") as refused:
        trusted_networks(f"::1, {wrong}")

    assert repr(wrong) in str(refused.value)


@pytest.mark.parametrize("everybody", ["0.0.0.0/0", "::/0"])
def test_not_everybody_can_be_trusted(everybody: str) -> None:
    with pytest.raises(ValueError, match="must not be everybody"):
        trusted_networks(everybody)


@pytest.mark.parametrize(
    ("text", "amount", "seconds"),
    [
        ("5/15 minutes", 5, 900),
        ("5/15minutes", 5, 900),
        ("5 per 15 minute", 5, 900),
        ("30/minute", 30, 60),
        (" 100 / Hour ", 100, 3600),
        ("1/second", 1, 1),
        ("20/2 days", 20, 172_800),
    ],
)
def test_a_limit_is_so_many_in_so_much_time(text: str, amount: int, seconds: int) -> None:
    limit = limit_of(text)

    assert (limit.amount, limit.get_expiry()) == (amount, seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "5", "5/", "/minute", "five/minute", "5/minute/hour", "-5/minute", "5.5/minute"),
        *("0/minute", "00/minute", "5/0 minutes", "5/fortnight", "5/15", "off", "unlimited"),
        *("5/minute;100/hour", "5/minute, 100/hour", "5/minutess", "9999999999/minute", "¹/minute"),
    ],
)
def test_what_is_no_limit_is_refused_and_told_how_one_looks(wrong: str) -> None:
    with pytest.raises(ValueError, match='must look like "5/15 minutes" or "100/hour"'):
        limit_of(wrong)


# ---------------------------------------------------------------- counting


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Tell the time, in seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give the test its own time."""
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    """Make the limits that the service has by default."""
    return RateLimits(
        login_per_address=limit_of("30/minute"),
        login_per_pair=limit_of("5/15 minutes"),
        login_per_account=limit_of("100/hour"),
        signup_per_address=limit_of("20/hour"),
        refresh_per_address=limit_of("60/minute"),
        oauth_per_address=limit_of("20/minute"),
        clock=clock,
    )


def refusal(attempt: Callable[[], Allowance]) -> dict[str, str]:
    """Expect 429; returns its headers."""
    with pytest.raises(RateLimited) as refused:
        attempt()
    problem = problem_of(refused.value)
    assert (problem.status_code, problem.code) == (429, "rate_limited")
    assert problem.headers
    return dict(problem.headers)


def guess(limits: RateLimits, address: str, email: str, times: int) -> int:
    """Try so many wrong passwords; returns how many were looked at."""
    looked_at = 0
    for _ in range(times):
        with suppress(RateLimited):
            limits.before_login(address, email)
            looked_at += 1
    return looked_at


def attack(limits: RateLimits, email: str, attempts: int) -> int:
    """Try so many, each from another place; returns how many were looked at."""
    places = [f"198.51.{n // 256}.{n % 256}" for n in range(attempts)]
    return sum(guess(limits, place, email, 1) for place in places)


def test_from_one_place_an_account_can_be_tried_five_times(limits: RateLimits) -> None:
    assert guess(limits, STRANGER, "ada@example.com", 10) == 5


def test_the_window_begins_with_the_first_attempt_and_no_later_one_extends_it(
    limits: RateLimits, clock: Clock
) -> None:
    guess(limits, STRANGER, "ada@example.com", 5)

    clock.now += 899
    while_it_lasts = guess(limits, STRANGER, "ada@example.com", 100)
    clock.now += 1
    after_it = guess(limits, STRANGER, "ada@example.com", 100)

    assert (while_it_lasts, after_it) == (0, 5)


def test_an_account_is_the_same_in_any_case(limits: RateLimits) -> None:
    spellings = ["ada@example.com", "Ada@example.com", "ADA@EXAMPLE.COM", "ada@Example.Com"]

    from_one_place = sum(guess(limits, STRANGER, email, 5) for email in spellings)
    from_many_places = sum(attack(limits, email, 50) for email in spellings)

    assert (from_one_place, from_many_places) == (5, 95)


def test_a_household_has_one_limit_for_all_its_addresses(limits: RateLimits) -> None:
    addresses = [client_address(request_from(f"2001:db8:1:2::{n:x}"), ()) for n in range(1, 50)]

    looked_at = sum(guess(limits, address, "ada@example.com", 1) for address in addresses)

    assert looked_at == 5


def test_from_one_place_many_accounts_can_be_tried_thirty_times_a_minute(
    limits: RateLimits, clock: Clock
) -> None:
    emails = [f"user{n}@example.com" for n in range(50)]

    at_once = sum(guess(limits, STRANGER, email, 1) for email in emails)
    clock.now += 60
    a_minute_later = sum(guess(limits, STRANGER, email, 1) for email in emails)

    assert (at_once, a_minute_later) == (30, 30)


def test_from_many_places_an_account_can_be_tried_a_hundred_times_an_hour(
    limits: RateLimits, clock: Clock
) -> None:
    at_once = attack(limits, "ada@example.com", 1000)
    clock.now += 3600
    an_hour_later = attack(limits, "ada@example.com", 1000)

    assert (at_once, an_hour_later) == (100, 100)


def test_no_stranger_locks_the_owner_out(limits: RateLimits, clock: Clock) -> None:
    limits.before_login(OWNER, "ada@example.com")
    limits.after_login(OWNER, "ada@example.com")

    for _ in range(48):
        attack(limits, "ada@example.com", 120)
        clock.now += 3599
        limits.before_login(OWNER, "Ada@Example.com")
        limits.after_login(OWNER, "Ada@Example.com")


def test_wrong_passwords_from_one_place_stop_nobody_elsewhere(limits: RateLimits) -> None:
    guess(limits, STRANGER, "ada@example.com", 1000)

    assert guess(limits, OWNER, "ada@example.com", 5) == 5


def test_who_is_stopped_at_one_account_does_not_use_up_what_it_has_left(
    limits: RateLimits, clock: Clock
) -> None:
    for _ in range(3):
        guess(limits, STRANGER, "ada@example.com", 1000)
        clock.now += 900

    assert attack(limits, "ada@example.com", 1000) == 100 - 3 * 5


def test_who_is_stopped_at_one_account_goes_on_at_another(limits: RateLimits) -> None:
    guess(limits, STRANGER, "ada@example.com", 1000)

    assert guess(limits, STRANGER, "grace@example.com", 5) == 5


def test_who_is_stopped_at_the_address_keeps_what_the_pair_has_left(
    limits: RateLimits, clock: Clock
) -> None:
    for n in range(30):
        guess(limits, OWNER, f"user{n}@example.com", 1)

    stopped = guess(limits, OWNER, "ada@example.com", 10)
    clock.now += 60

    assert (stopped, guess(limits, OWNER, "ada@example.com", 10)) == (0, 5)


def test_an_account_under_attack_is_open_only_to_addresses_its_owner_came_from(
    limits: RateLimits,
) -> None:
    limits.after_login(OWNER, "ada@example.com")
    attack(limits, "ada@example.com", 100)

    assert guess(limits, OWNER, "ada@example.com", 1) == 1
    assert guess(limits, STRANGER, "ada@example.com", 1) == 0
    assert guess(limits, STRANGER, "grace@example.com", 1) == 1


def test_to_be_known_to_one_account_opens_no_other(limits: RateLimits) -> None:
    limits.after_login(STRANGER, "mallory@example.com")
    attack(limits, "ada@example.com", 100)

    assert guess(limits, STRANGER, "ada@example.com", 1) == 0


def test_an_address_is_known_for_thirty_days_after_the_last_login(
    limits: RateLimits, clock: Clock
) -> None:
    day = 24 * 3600
    limits.after_login(OWNER, "ada@example.com")
    clock.now += 29 * day
    limits.after_login(OWNER, "ada@example.com")

    clock.now += 29 * day
    attack(limits, "ada@example.com", 100)
    known = guess(limits, OWNER, "ada@example.com", 1)
    clock.now += day
    attack(limits, "ada@example.com", 100)
    forgotten = guess(limits, OWNER, "ada@example.com", 1)

    assert (known, forgotten) == (1, 0)


def test_attempts_at_a_known_address_leave_the_account_to_new_ones(limits: RateLimits) -> None:
    limits.after_login(OWNER, "ada@example.com")

    guess(limits, OWNER, "ada@example.com", 5)

    assert attack(limits, "ada@example.com", 1000) == 100


def test_a_right_password_begins_the_pair_anew(limits: RateLimits) -> None:
    for _ in range(5):
        assert guess(limits, OWNER, "ada@example.com", 4) == 4
        limits.before_login(OWNER, "ada@example.com")
        limits.after_login(OWNER, "Ada@example.com")

    assert guess(limits, OWNER, "ada@example.com", 10) == 5


def test_an_account_of_ones_own_buys_no_guesses_at_others(limits: RateLimits) -> None:
    looked_at = 0
    for n in range(50):
        looked_at += guess(limits, STRANGER, f"user{n}@example.com", 1)
        if guess(limits, STRANGER, "mallory@example.com", 1):
            limits.after_login(STRANGER, "mallory@example.com")

    assert looked_at == 15


def test_of_fifty_attempts_at_once_five_are_looked_at(limits: RateLimits) -> None:
    looked_at: list[int] = []

    async def attempt(number: int) -> None:
        limits.before_login(STRANGER, "ada@example.com")
        await asyncio.sleep(0)  # the others come before the password has been checked
        looked_at.append(number)

    async def at_once() -> list[BaseException | None]:
        return await asyncio.gather(*map(attempt, range(50)), return_exceptions=True)

    outcomes = asyncio.run(at_once())

    assert len(looked_at) == 5
    assert [type(outcome) for outcome in outcomes].count(RateLimited) == 45


@pytest.mark.parametrize(
    ("limited", "quota", "seconds"), [("signup", 20, 3600), ("refresh", 60, 60), ("oauth", 20, 60)]
)
def test_the_others_are_limited_by_address(
    limited: str, quota: int, seconds: int, limits: RateLimits, clock: Clock
) -> None:
    count: Callable[[str], Allowance] = getattr(limits, limited)
    for left in reversed(range(quota)):
        assert count(STRANGER) == Allowance(limited, quota, seconds, left, seconds)

    assert refusal(lambda: count(STRANGER))["Retry-After"] == str(seconds)
    assert count(OWNER).remaining == quota - 1
    clock.now += seconds
    assert count(STRANGER).remaining == quota - 1


def test_no_limit_counts_for_another(limits: RateLimits) -> None:
    for _ in range(20):
        limits.signup(STRANGER)
        limits.oauth(STRANGER)
        limits.refresh(STRANGER)

    assert guess(limits, STRANGER, "ada@example.com", 5) == 5


# ---------------------------------------------------------------- headers


def test_each_answer_tells_what_is_left(limits: RateLimits, clock: Clock) -> None:
    limits.before_login(OWNER, "ada@example.com")
    clock.now += 26.5

    allowance = limits.before_login(OWNER, "ada@example.com")

    assert headers_of(allowance) == {
        "RateLimit-Policy": '"login";q=5;w=900',
        "RateLimit": '"login";r=3;t=874',
    }


def test_a_refusal_tells_when_to_come_back(limits: RateLimits, clock: Clock) -> None:
    guess(limits, OWNER, "ada@example.com", 5)
    clock.now += 27

    headers = refusal(lambda: limits.before_login(OWNER, "ada@example.com"))

    assert headers == {
        "Retry-After": "873",
        "RateLimit-Policy": '"login";q=5;w=900',
        "RateLimit": '"login";r=0;t=873',
    }


@pytest.mark.parametrize(("passed", "left"), [(0, 900), (0.75, 900), (899, 1), (900 - 1e-8, 1)])
def test_seconds_are_whole_and_enough(
    passed: float, left: int, limits: RateLimits, clock: Clock
) -> None:
    guess(limits, OWNER, "ada@example.com", 5)
    clock.now += passed

    headers = refusal(lambda: limits.before_login(OWNER, "ada@example.com"))

    assert headers["Retry-After"] == str(left)
    clock.now += left
    assert guess(limits, OWNER, "ada@example.com", 1) == 1


@pytest.mark.parametrize("now", [523711.722, 8184.81, 3631.627])
def test_no_window_is_longer_than_it_is_for_an_error_in_the_last_digit(now: float) -> None:
    policy = Policy("login", limit_of("5/15 minutes"), Clock(now))

    assert (now + 900) - now > 900
    assert policy.count("key").reset == 900


def test_the_policy_closest_to_its_end_is_told(limits: RateLimits) -> None:
    for n in range(27):
        guess(limits, OWNER, f"user{n}@example.com", 1)

    allowance = limits.before_login(OWNER, "ada@example.com")

    assert headers_of(allowance) == {
        "RateLimit-Policy": '"login-address";q=30;w=60',
        "RateLimit": '"login-address";r=2;t=60',
    }


def test_after_a_right_password_all_is_left_again(limits: RateLimits) -> None:
    guess(limits, OWNER, "ada@example.com", 5)

    allowance = limits.after_login(OWNER, "ada@example.com")

    assert headers_of(allowance) == {
        "RateLimit-Policy": '"login";q=5;w=900',
        "RateLimit": '"login";r=5;t=0',
    }


def test_of_two_that_are_used_up_the_longer_is_told(limits: RateLimits) -> None:
    guess(limits, OWNER, "ada@example.com", 5)
    for n in range(25):
        guess(limits, OWNER, f"user{n}@example.com", 1)

    headers = refusal(lambda: limits.before_login(OWNER, "ada@example.com"))

    assert headers["Retry-After"] == "900"
    assert headers["RateLimit"] == '"login";r=0;t=900'


def test_nobody_is_told_how_often_others_try(limits: RateLimits) -> None:
    attack(limits, "ada@example.com", 98)

    allowance = limits.before_login(STRANGER, "ada@example.com")

    assert headers_of(allowance)["RateLimit"] == '"login";r=4;t=900'


def test_an_account_under_attack_says_so_in_its_refusal(limits: RateLimits) -> None:
    attack(limits, "ada@example.com", 100)

    headers = refusal(lambda: limits.before_login(STRANGER, "ada@example.com"))

    assert headers == {
        "Retry-After": "3600",
        "RateLimit-Policy": '"login-account";q=100;w=3600',
        "RateLimit": '"login-account";r=0;t=3600',
    }


# ---------------------------------------------------------------- memory


def test_keys_whose_window_is_over_leave(clock: Clock) -> None:
    windows = Windows(clock)
    for n in range(1000):
        windows.incr(f"old {n}", 60)
    clock.now += 30
    for n in range(10):
        windows.incr(f"young {n}", 60)

    clock.now += 30
    windows.incr("new", 60)

    assert windows.reset() == 11


def test_a_key_that_has_left_begins_anew(clock: Clock) -> None:
    windows = Windows(clock)
    windows.incr("key", 60)
    windows.incr("key", 60, 2)
    before = (windows.get("key"), windows.get_expiry("key"))

    clock.now += 60

    assert before == (3, 1060)
    assert (windows.get("key"), windows.get_expiry("key")) == (0, 1060)
    assert windows.incr("key", 60) == 1
    assert windows.get_expiry("key") == 1120


def test_there_are_never_more_keys_than_fit(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_KEYS", 10)
    windows = Windows(clock)

    for n in range(12):
        windows.incr(str(n), 60)
    windows.incr("5", 60)

    assert [windows.get(str(n)) for n in range(12)] == [0, 0, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1]
    assert windows.reset() == 10
