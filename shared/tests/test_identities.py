"""What checks say of tokens and cookies: taken apart without a library's opinion of them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from shared.contracts.exchange import Headers, Mismatch, Request
from shared.contracts.kit import Answer
from shared.contracts.phase3 import givens

GET = Request("http://127.0.0.1:1", "GET", "/")


def setting(*cookies: str) -> Answer:
    return Answer(200, Headers([("Set-Cookie", cookie) for cookie in cookies]), b"", GET)


def test_a_cookie_is_read_with_its_attributes() -> None:
    text = "__Host-session=a=b; Path=/; HttpOnly; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    answer = setting("other=1", text)

    cookie = givens.cookie_in(answer, givens.SESSION)

    assert (cookie.name, cookie.value) == ("__Host-session", "a=b")
    assert cookie.attributes == {
        "path": "/",
        "httponly": "",
        "max-age": "5",
        "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
    }


@pytest.mark.parametrize("cookies", [(), ("other=1",), ("__Host-session=1", "__Host-session=2")])
def test_one_cookie_of_a_name_is_expected(cookies: tuple[str, ...]) -> None:
    with pytest.raises(Mismatch, match="expected one __Host-session, got"):
        givens.cookie_in(setting(*cookies), givens.SESSION)


def test_a_token_is_taken_apart_and_put_together_changed() -> None:
    header, claims = givens.segment({"alg": "HS256"}), givens.segment({"sub": "1", "ü": "é"})

    jwt = givens.decoded(f"{header}.{claims}.c2lnbmVk")
    forged = givens.decoded(replace(jwt, claims=jwt.claims | {"sub": "2"}).written())

    assert (jwt.header, jwt.claims) == ({"alg": "HS256"}, {"sub": "1", "ü": "é"})
    assert givens.from_segment(jwt.signature) == b"signed"
    assert (forged.header, forged.signature) == (jwt.header, jwt.signature)
    assert forged.claims == {"sub": "2", "ü": "é"}


@pytest.mark.parametrize("token", ["", "opaque", "e30.e30", "e30.x.y", "!.e30.x"])
def test_what_is_no_jwt_is_a_mismatch(token: str) -> None:
    with pytest.raises(Mismatch, match="expected a JWT"):
        givens.decoded(token)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xfb\xff\xfe", b"four"])
def test_a_segment_is_read_back_and_has_no_padding(data: bytes) -> None:
    text = givens.segment(data)

    assert givens.from_segment(text) == data
    assert not set(text) & set("=+/")


def test_addresses_lie_in_networks_of_their_own() -> None:
    networks = {ip_network(f"{givens.new_address()}/64", strict=False) for _ in range(100)}

    assert len(networks) == 100
    assert all(ip_address("2001:db8::") in network.supernet(new_prefix=32) for network in networks)
