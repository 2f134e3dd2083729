"""Tokens with a signature that is right, that were made for another time, service or purpose.

Nobody but us can sign so. But a key may be used twice: by another service of the house, by a test
stage, by the same service for another kind of token. What is signed is not yet meant for here.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from phase4_layered.tests.people import ask_cookie, cookie_of, open_browser

from .forging import base64url, each, signed, signed_text
from .people import log_in, told

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .forging import Forgery, Loot, Refused
    from .people import Person

NOW = int(time.time())
CLAIMS = ("iss", "aud", "sub", "iat", "nbf", "exp", "jti")


def claims(**changed: Any) -> Forgery:  # noqa: ANN401 -- any JSON value
    """Sign a payload that says something else."""
    return lambda loot: loot.with_claims(**changed)


def header(**changed: object) -> Forgery:
    """Sign a payload that is right under a header that says something else."""
    return lambda loot: signed({**loot.header, **changed}, loot.claims, loot.key)


def payload_text(change: Callable[[str], str]) -> Forgery:
    """Sign a payload that JSON's own writer would not write."""
    return lambda loot: signed_text(
        f"{loot.parts[0]}.{base64url(change(json.dumps(loot.claims)).encode())}", loot.key
    )


ANOTHER_TIME: dict[str, Forgery] = {
    "expired an hour ago": claims(iat=NOW - 7200, nbf=NOW - 7200, exp=NOW - 3600),
    "expired a second ago": claims(iat=NOW - 900, nbf=NOW - 900, exp=NOW - 1),
    "expired in 1970": claims(exp=0),
    "expired before 1970": claims(exp=-1),
    "good from tomorrow on": claims(nbf=NOW + 86400, exp=NOW + 90000),
    "good from the next minute on": claims(nbf=NOW + 60),
    "issued tomorrow": claims(iat=NOW + 86400, nbf=NOW + 86400, exp=NOW + 87300),
    "issued in the next minute": claims(iat=NOW + 60),
    "expired before it was issued": claims(exp=NOW - 1000),
    "good for ever": claims(exp=10**18),
    "issued tomorrow and expired yesterday": claims(iat=NOW + 86400, exp=NOW - 86400),
}

OTHER_AUDIENCES: list[object] = [
    *("", "other-api", "shop", "shop-api-2", "shop-ap", "SHOP-API", "shop-api ", "*"),
    *(None, 0, True, {}, {"shop-api": 1}, [], [""], ["other-api"], [["shop-api"]]),
    *(["other-api", "shop-api"], ["shop-api"], "shop-api other-api"),
]

OTHER_ISSUERS: list[object] = [
    *("", "other", "shop-api", "Shop", "shop/", "https://shop", "shop.attacker.example"),
    *(None, 0, True, {}, [], ["shop"], ["shop", "other"]),
]

OTHER_TYPES: list[object] = [
    *("JWT", "jwt", "at+JWT", "AT+JWT", "application/at+jwt", "at-jwt", "at+jwt ", ""),
    *("id_token", "refresh", "rt+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt"),
    *(None, True, 0, [], ["at+jwt"], {}),
]

ANOTHER_SERVICE: dict[str, Forgery] = {
    **{f"aud {json.dumps(aud)}": claims(aud=aud) for aud in OTHER_AUDIENCES},
    **{f"iss {json.dumps(iss)}": claims(iss=iss) for iss in OTHER_ISSUERS},
}

ANOTHER_PURPOSE: dict[str, Forgery] = {
    **{f"typ {json.dumps(typ)}": header(typ=typ) for typ in OTHER_TYPES},
    "typ missing": lambda loot: signed(
        {name: value for name, value in loot.header.items() if name != "typ"}, loot.claims, loot.key
    ),
    "an ID token": lambda loot: signed(
        {**loot.header, "typ": "JWT"},
        {**loot.claims, "nonce": "n", "email": "ada@example.com", "email_verified": True},
        loot.key,
    ),
    "a token that should be able to do more": claims(role="admin", scope="admin", is_admin=True),
    "a token bound to a key that was not shown": claims(cnf={"jkt": "AAAA"}),
    "a token on somebody's behalf": claims(act={"sub": "1"}),
}

OTHER_SUBJECTS: dict[str, Callable[[str], object]] = {
    "as a number": int,
    "with a space": lambda sub: f" {sub}",
    "with a line end": lambda sub: f"{sub}\n",
    "with a zero in front": lambda sub: f"0{sub}",
    "with a sign": lambda sub: f"+{sub}",
    "with an underscore": lambda sub: f"0_{sub}",
    "in digits of another script": lambda sub: chr(0xFF10 + int(sub[0])) + sub[1:],
    "in a list": lambda sub: [sub],
    "twice": lambda sub: f"{sub},{sub}",
    "negative": lambda sub: f"-{sub}",
    "of many digits": lambda _: "9" * 700,
    "nobody's": lambda _: str(2**62),
    "an e-mail address": lambda _: "admin@example.com",
    "SQL": lambda sub: f"{sub} OR 1=1",
}

OTHER_IDS: dict[str, Callable[[str], object]] = {
    "in capitals": str.upper,
    "in brackets": lambda jti: f"{{{jti}}}",
    "as a URN": lambda jti: f"urn:uuid:{jti}",
    "without dashes": lambda jti: jti.replace("-", ""),
    "that is no UUID": lambda _: "1",
    "SQL": lambda _: "' OR '1'='1",
}

ODD_VALUES: list[object] = [None, True, False, 0, "jwt_tool", [], {}, [1], "", 1.5, -1, 10**30]

UNLIKE_OURS: dict[str, Forgery] = {
    **{f"{claim} missing": lambda loot, claim=claim: loot.without(claim) for claim in CLAIMS},
    "no claims": lambda loot: signed(loot.header, {}, loot.key),
    **{
        f"{claim} {json.dumps(value)}": claims(**{claim: value})
        for claim in CLAIMS
        for value in ODD_VALUES
    },
    **{
        f"{claim} {text}": payload_text(
            lambda payload, claim=claim, text=text: payload.replace(
                f'"{claim}": ', f'"{claim}": {text}, "x": ', 1
            )
        )
        for claim in ("iat", "nbf", "exp")
        for text in ("NaN", "Infinity", "-Infinity", "1e400", '"9999999999"', "9" * 400)
    },
    **{
        f"sub {what}": lambda loot, spell=spell: loot.with_claims(sub=spell(loot.claims["sub"]))
        for what, spell in OTHER_SUBJECTS.items()
    },
    **{
        f"jti {what}": lambda loot, spell=spell: loot.with_claims(jti=spell(loot.claims["jti"]))
        for what, spell in OTHER_IDS.items()
    },
    "sub twice": payload_text(lambda text: text.replace("{", '{"sub": "1", ', 1)),
    "exp twice": payload_text(lambda text: text.replace("{", '{"exp": 0, ', 1)),
    "exp twice, the later one last": payload_text(lambda text: text[:-1] + ', "exp": 9999999999}'),
    "a member of Python's": claims(__class__="admin"),
    "a member of JavaScript's": claims(__proto__={"role": "admin"}),
}


@each(ANOTHER_TIME)
def test_a_token_for_another_time_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


@each(ANOTHER_SERVICE)
def test_a_token_for_or_from_another_service_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


@each(ANOTHER_PURPOSE)
def test_a_token_for_another_purpose_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


@each(UNLIKE_OURS)
def test_a_token_that_we_would_not_have_written_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


def test_what_is_no_access_token_is_not_taken_for_one(
    opens_nothing: Refused, http: httpx.Client, mallory: Person
) -> None:
    opens_nothing(mallory.refresh_token)

    session = ask_cookie(http, mallory)

    opens_nothing(cookie_of(session))
    opens_nothing(session.json()["csrf_token"])


def test_an_access_token_is_not_taken_for_anything_else(
    http: httpx.Client, mallory: Person
) -> None:
    refreshed = http.post("/auth/refresh", json={"refresh_token": mallory.token[:200]})
    by_cookie = http.get("/auth/me", headers={"Cookie": f"__Host-session={mallory.token}"})
    forged = {**open_browser(http, mallory).headers, "X-CSRF-Token": mallory.token}
    by_csrf_token = http.post("/auth/logout", headers=forged)

    assert refreshed.json()["code"] == "invalid_refresh_token"
    assert by_cookie.json()["code"] == "authentication_required"
    assert by_csrf_token.json()["code"] == "invalid_csrf_token"


def test_the_token_of_a_deleted_user_opens_nothing(
    http: httpx.Client, admin: Person, ada: Person, opens_nothing: Refused
) -> None:
    assert http.get("/auth/me", headers=ada.headers).is_success

    assert http.delete(f"/users/{ada.id}", headers=admin.headers).status_code == 204

    opens_nothing(ada.token)
    refresh = http.post("/auth/refresh", json={"refresh_token": ada.refresh_token})
    assert refresh.json()["code"] == "invalid_refresh_token"


def test_the_token_of_a_session_that_was_ended_opens_nothing(
    http: httpx.Client, ada: Person, opens_nothing: Refused
) -> None:
    other = log_in(http, ada)

    assert http.post("/auth/logout", headers=ada.headers).status_code == 204

    opens_nothing(ada.token)
    assert http.get("/auth/me", headers=other.headers).is_success


def test_a_token_is_refused_the_same_way_wherever_it_is_shown(
    http: httpx.Client, loot: Loot
) -> None:
    expired = {"Authorization": f"Bearer {loot.with_claims(exp=NOW - 1)}"}
    nonsense = {"Authorization": "Bearer nonsense"}

    for path in ("/auth/me", "/users", "/orders", "/users/1", "/orders/1", "/reports/best-sellers"):
        refusal = http.get(path, headers=expired)
        assert refusal.status_code == 401
        assert told(refusal) == told(http.get(path, headers=nonsense))
