"""Rate limits: who is who behind proxies, and what settings say of them."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from phase3_auth.rate_limit import (
    client_address,
    limit_of,
    trusted_networks,
)

if TYPE_CHECKING:
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
