"""The header that a token comes in: given twice, under other names, and in every other way."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from phase4_layered.tests.people import COOKIE, open_browser
from shared.contracts.raw import converse

from .people import told

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from shared.servers import Server

    from .people import Person

OTHER_FORMS: dict[str, Callable[[str], str]] = {
    "no scheme": lambda token: token,
    "the scheme alone": lambda _: "Bearer",
    **{
        f"scheme {scheme}": lambda token, scheme=scheme: f"{scheme} {token}"
        for scheme in (
            *("Basic", "Digest", "Token", "JWT", "DPoP", "MAC", "Negotiate", "OAuth", "ApiKey"),
            *("Bearer:", "Bearer=", "Bearers", "Beare", "B", "token", "Bearer,", "bearer_token"),
        )
    },
    "the scheme twice": lambda token: f"Bearer Bearer {token}",
    "a tab for the space": lambda token: f"Bearer\t{token}",
    "a no-break space": lambda token: f"Bearer\xa0{token}",
    "an underscore for the space": lambda token: f"Bearer_{token}",
    "no space": lambda token: f"Bearer{token}",
    "a name in front": lambda token: f"Bearer token={token}",
    "a parameter behind": lambda token: f"Bearer {token}, realm=shop",
    "in quotes": lambda token: f'Bearer "{token}"',
    "in brackets": lambda token: f"Bearer <{token}>",
    "two tokens": lambda token: f"Bearer {token} {token}",
    "two credentials": lambda token: f"Bearer {token}, Bearer {token}",
    "another scheme first": lambda token: f"Basic eA==, Bearer {token}",
    "another scheme behind": lambda token: f"Bearer {token}, Basic eA==",
    "a space in the token": lambda token: f"Bearer {token[:20]} {token[20:]}",
    "a tab behind": lambda token: f"Bearer {token}\tx",
    "percent-encoded": lambda token: f"Bearer {quote(token, safe='').replace('.', '%2E')}",
    "as a password": lambda token: f"Basic {token}",
    "a comment": lambda token: f"Bearer {token} (mine)",
    "a semicolon behind": lambda token: f"Bearer {token};",
    "letters that are not ASCII": lambda token: f"Bearér {token}",
    "a null": lambda _: "Bearer null",
    "a star": lambda _: "Bearer *",
}

OTHER_NAMES: dict[str, Callable[[str], dict[str, str]]] = {
    name: lambda token, name=name: {name: f"Bearer {token}"}
    for name in (
        *("Proxy-Authorization", "X-Authorization", "X-Forwarded-Authorization", "Authentication"),
        *("X-Auth-Token", "X-Access-Token", "X-Api-Key", "Access-Token", "Token", "X-Token"),
        *("Auth", "Authorisation", "X-Original-Authorization", "WWW-Authenticate", "X-JWT"),
        *("Sec-WebSocket-Protocol", "Authorization-", "X-Id-Token", "X-Amzn-Oidc-Data"),
    )
}


@pytest.mark.parametrize("write", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_a_token_in_another_form_is_refused_like_a_bad_one(
    http: httpx.Client, mallory: Person, write: Callable[[str], str]
) -> None:
    one_way = told(http.get("/auth/me", headers={"Authorization": "Bearer nonsense"}))
    value = write(mallory.token).encode("latin-1")

    answer = http.get("/auth/me", headers={b"Authorization": value})

    assert told(answer) == one_way
    assert http.get("/auth/me", headers=mallory.headers).is_success


@pytest.mark.parametrize("write", OTHER_NAMES.values(), ids=OTHER_NAMES.keys())
def test_a_token_in_another_header_is_none(
    http: httpx.Client, mallory: Person, write: Callable[[str], dict[str, str]]
) -> None:
    answer = http.get("/auth/me", headers=write(mallory.token))

    assert told(answer) == told(http.get("/auth/me"))
    assert answer.json()["code"] == "authentication_required"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "BeArEr", "Bearer  "])
def test_the_name_of_a_scheme_has_no_case(http: httpx.Client, mallory: Person, scheme: str) -> None:
    answer = http.get("/auth/me", headers={"Authorization": f"{scheme} {mallory.token}"})

    assert answer.json()["id"] == mallory.id


def test_two_headers_are_none(http: httpx.Client, mallory: Person, ada: Person) -> None:
    good, others = mallory.headers["Authorization"], ada.headers["Authorization"]
    bad = "Bearer nonsense"
    pairs = ((good, bad), (bad, good), (good, good), (good, others), ("", good), (good, ""))
    one_way = told(http.get("/auth/me", headers={"Authorization": bad}))

    for pair in pairs:
        answer = http.get("/auth/me", headers=[("Authorization", value) for value in pair])
        assert told(answer) == one_way, pair


def test_a_bad_token_is_not_made_good_by_a_cookie(
    http: httpx.Client, mallory: Person, ada: Person
) -> None:
    cookie = open_browser(http, ada).headers

    for value in ("Bearer nonsense", "Basic eA==", "", " "):
        answer = http.get("/auth/me", headers={**cookie, "Authorization": value.strip()})
        assert answer.json()["code"] == "invalid_token"
    both = http.get("/auth/me", headers={**cookie, **mallory.headers})
    assert both.json()["id"] == mallory.id


@pytest.mark.parametrize(
    "field",
    [
        "Authorization:\r\n Bearer TOKEN",
        "Authorization: Bearer\r\n TOKEN",
        "Authorization : Bearer TOKEN",
        " Authorization: Bearer TOKEN",
        "Authorization\t: Bearer TOKEN",
        "Authorization: Bearer TOKEN\0",
        "Authorization: Bearer\0TOKEN",
        "Authorization\0: Bearer TOKEN",
        "Authorization: Bearer \x0bTOKEN",
        "Authorization: Bearer TOKEN\rX: y",
        "X: y\nAuthorization: Bearer TOKEN",
        "Authorization",
        ": Bearer TOKEN",
    ],
    ids=repr,
)
def test_a_header_that_servers_read_differently_makes_nobody_known(
    http: httpx.Client, server: Server, mallory: Person, field: str
) -> None:
    head = f"GET /auth/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{field}\r\n\r\n"

    said = converse(server.host, server.port, head.replace("TOKEN", mallory.token).encode(), 5)

    status = said[9:12]
    assert status in {b"400", b"401"} or (status == b"200" and "\0" not in field and "\n" in field)
    assert http.get("/auth/me", headers=mallory.headers).is_success


@pytest.mark.parametrize(
    "name", ["access_token", "token", "jwt", "id_token", "auth", "api_key", "authorization", COOKIE]
)
def test_a_token_in_the_address_opens_nothing_and_stands_in_no_log(
    http: httpx.Client, server: Server, mallory: Person, name: str
) -> None:
    for path in ("/auth/me", "/orders", "/users", f"/users/{mallory.id}", "/products"):
        for method in ("GET", "POST", "DELETE"):
            answer = http.request(method, f"{path}?{name}={mallory.token}")
            assert answer.status_code in {400, 401, 405}, (method, path)

    server.settle()
    assert mallory.token not in server.log()


def test_a_token_in_a_body_opens_nothing(http: httpx.Client, mallory: Person) -> None:
    form = {"access_token": mallory.token}

    for answer in (
        http.post("/auth/logout", data=form),
        http.post("/auth/logout", json=form),
        http.request("GET", "/auth/me", data=form),
        http.post("/orders", json=form, headers={"Idempotency-Key": "1"}),
    ):
        assert answer.json()["code"] == "authentication_required"
    assert http.get("/auth/me", headers=mallory.headers).is_success


@pytest.mark.parametrize(
    "name", ["access_token", "token", "jwt", "Authorization", "session", "__Secure-session", "auth"]
)
def test_a_token_in_a_cookie_opens_nothing(http: httpx.Client, mallory: Person, name: str) -> None:
    for value in (mallory.token, f"Bearer {mallory.token}"):
        answer = http.get("/auth/me", headers={"Cookie": f"{name}={value}"})
        assert answer.json()["code"] == "authentication_required"
