"""A login through the provider, out and back: what a browser is given, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from shared import openid
from shared.openid import authorize, come_back, cookie_header, cookies_of, log_in
from shared.race import together

from .rogue import PUBLIC_URL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.fixtures import Serve
    from shared.openid import Provider
    from shared.servers import Server

START = "/auth/oauth/login"
CALLBACK = "/auth/oauth/callback"
OAUTH, SESSION = "__Host-oauth", "__Host-session"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """Run a provider."""
    with openid.provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def client_settings(provider: Provider) -> dict[str, str]:
    """Register the shop: from now on the provider looks at its secret and where it sends people."""
    client_id, secret = provider.register(PUBLIC_URL + CALLBACK)
    return {
        "PUBLIC_URL": PUBLIC_URL,
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": client_id,
        "OIDC_CLIENT_SECRET": secret,
        "OAUTH_PER_ADDRESS": "100000/minute",
    }


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, client_settings: dict[str, str]) -> Server:
    """Serve the shop as that client."""
    return serve(env={"DATABASE_URL": database_url, **client_settings})


@pytest.fixture
def http(stranger: httpx.Client) -> httpx.Client:
    """Come as a browser does that nobody has logged in."""
    return stranger


@pytest.fixture
def somebody(provider: Provider) -> str:
    """Make a person whom the provider knows and the shop does not; returns the subject."""
    sub = f"sub-{secrets.token_hex(8)}"
    provider.set_claims(sub, name="Ada Lovelace", email=f"{sub}@example.com", email_verified=True)
    return sub


def start(http: httpx.Client, query: str = "") -> tuple[httpx.URL, dict[str, str]]:
    """Begin a login; returns where the browser is sent, and with which cookies."""
    answer = http.get(START + query)
    assert answer.status_code == 303, answer.text
    return httpx.URL(answer.headers["location"]), cookies_of(answer)


def expect(answer: httpx.Response, status: int, code: str) -> None:
    """Check that a callback was refused, and logged nobody in."""
    assert answer.status_code == status, answer.headers.get("location", answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert SESSION not in cookies_of(answer)
    assert status != 401 or answer.headers["www-authenticate"] == 'Bearer realm="shop"'


# ---------------------------------------------------------------- the whole way


def test_a_stranger_logs_in_through_the_provider_and_has_an_account(
    http: httpx.Client, somebody: str
) -> None:
    answer = log_in(http, START, somebody)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/auth/me"
    me = http.get("/auth/me", headers=cookie_header(cookies_of(answer)))
    assert me.json()["name"] == "Ada Lovelace"
    assert me.json()["email"] == f"{somebody}@example.com"
    assert me.json()["role"] == "user"


def test_the_session_serves_a_page_like_one_that_a_password_has_opened(
    http: httpx.Client, somebody: str
) -> None:
    cookies = cookie_header(cookies_of(log_in(http, START, somebody)))

    session = http.get("/auth/session", headers=cookies).json()
    farewell = http.post("/auth/logout", headers={**cookies, "X-CSRF-Token": session["csrf_token"]})

    assert farewell.status_code == 204
    assert http.get("/auth/me", headers=cookies).status_code == 401


def test_the_provider_is_sent_everything_that_makes_the_answer_ours(
    http: httpx.Client, provider: Provider, database_url: str, client_settings: dict[str, str]
) -> None:
    location, _ = start(http)

    asked = dict(location.params)
    assert str(location.copy_with(query=None)) == f"{provider.issuer}/oauth2/authorize"
    assert {name: asked[name] for name in sorted(asked.keys() - {"state", "nonce"})} == {
        "client_id": client_settings["OIDC_CLIENT_ID"],
        "code_challenge": challenge_of(last_verifier(database_url, asked["nonce"])),
        "code_challenge_method": "S256",
        "redirect_uri": PUBLIC_URL + CALLBACK,
        "response_type": "code",
        "scope": "openid email profile",
    }
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", asked[name]) for name in ("state", "nonce"))


def last_verifier(database_url: str, nonce: str) -> str:
    query = "SELECT code_verifier FROM oauth_logins WHERE nonce = %(nonce)s"
    with psycopg.connect(database_url) as conn:
        row = conn.execute(query, {"nonce": nonce}).fetchone()
    assert row is not None
    return row[0]


def challenge_of(verifier: str) -> str:
    assert re.fullmatch("[A-Za-z0-9._~-]{43,128}", verifier)  # RFC 7636, 4.1
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_no_value_is_given_out_twice(http: httpx.Client) -> None:
    starts = [start(http) for _ in range(5)]

    for name in ("state", "nonce", "code_challenge"):
        assert len({location.params[name] for location, _ in starts}) == 5
    assert len({cookies[OAUTH] for _, cookies in starts}) == 5


def test_a_host_header_does_not_change_where_the_provider_sends_people(http: httpx.Client) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}

    answer = http.get(START, headers=headers)

    sent_to = httpx.URL(answer.headers["location"])
    assert sent_to.params["redirect_uri"] == PUBLIC_URL + CALLBACK


def test_the_provider_refuses_to_send_anybody_to_another_address(
    http: httpx.Client, somebody: str
) -> None:
    location, _ = start(http)
    elsewhere = location.copy_merge_params({"redirect_uri": f"{PUBLIC_URL}{CALLBACK}/../evil"})

    answer = httpx.post(elsewhere, data={"sub": somebody})

    assert answer.status_code == 400
    assert "location" not in answer.headers


# ---------------------------------------------------------------- cookies


def test_the_cookie_of_a_login_is_for_this_host_and_lasts_ten_minutes(http: httpx.Client) -> None:
    answer = http.get(START)

    (cookie,) = answer.headers.get_list("set-cookie")
    secret, *attributes = cookie.split("; ")
    assert re.fullmatch(OAUTH + "=[A-Za-z0-9_-]{43}", secret)
    assert {each.lower() for each in attributes} == {
        *("httponly", "secure", "samesite=lax", "path=/", "max-age=600")
    }
    assert answer.headers["cache-control"] == "no-store"


def test_the_callback_sets_a_session_and_forgets_the_login(
    http: httpx.Client, somebody: str
) -> None:
    answer = log_in(http, START, somebody)

    session, forgotten = sorted(answer.headers.get_list("set-cookie"), reverse=True)
    assert re.match(SESSION + "=[A-Za-z0-9_-]{43};", session)
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(session.split("; "))
    assert forgotten.startswith(f'{OAUTH}=""; ')
    assert "Max-Age=0" in forgotten
    assert answer.headers["cache-control"] == "no-store"


def test_what_the_provider_gives_the_service_gets_to_nobody_else(
    http: httpx.Client, somebody: str, database_url: str
) -> None:
    answer = log_in(http, START, somebody)

    assert set(cookies_of(answer)) == {SESSION, OAUTH}
    assert not answer.content
    assert not re.search(r"eyJ[\w-]*\.|token|code=", str(answer.headers))
    with psycopg.connect(database_url) as conn:
        query = "SELECT identities::text FROM identities WHERE subject = %s"
        ((kept,),) = conn.execute(query, [somebody]).fetchall()
    assert re.fullmatch(rf"\(http://[^,]+,{somebody},\d+\)", kept)


def test_neither_the_state_nor_the_database_gives_the_cookie_away(
    http: httpx.Client, database_url: str
) -> None:
    location, cookies = start(http)

    with psycopg.connect(database_url) as conn:
        rows = conn.execute("SELECT oauth_logins::text FROM oauth_logins").fetchall()
    assert cookies[OAUTH] not in str(location)
    assert not any(cookies[OAUTH] in row or location.params["state"] in row for (row,) in rows)


def test_a_session_that_comes_along_ends(http: httpx.Client, somebody: str) -> None:
    earlier = cookies_of(log_in(http, START, somebody))

    later = cookies_of(log_in(http, START, somebody, earlier))

    assert later[SESSION] != earlier[SESSION]
    assert http.get("/auth/me", headers=cookie_header(earlier)).status_code == 401
    assert http.get("/auth/me", headers=cookie_header(later)).status_code == 200


def test_a_planted_session_cookie_is_not_taken_over(http: httpx.Client, somebody: str) -> None:
    planted = {SESSION: secrets.token_urlsafe(32)}

    answer = log_in(http, START, somebody, planted)

    assert cookies_of(answer)[SESSION] != planted[SESSION]
    assert http.get("/auth/me", headers=cookie_header(planted)).status_code == 401


# ---------------------------------------------------------------- where it ends


@pytest.mark.parametrize(
    "path",
    ["/", "/products", "/products?q=tea&limit=5", "/a/b/c/", "/%2F%2Fevil.example", "/@evil", "/:"],
)
def test_a_login_ends_where_it_was_meant_to(http: httpx.Client, somebody: str, path: str) -> None:
    query = str(httpx.QueryParams({"return_to": path}))

    answer = log_in(http, f"{START}?{query}", somebody)

    assert answer.headers["location"] == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\0",
        " /products",
        "/ /evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        ".",
        "/products//x",
        "/x#//evil.example",
        "/\u2215evil.example",
        "/ä",
        "\uff0f/evil.example",
        "https:/products",
        "http:products",
        "/" + "a" * 500,
    ],
)
def test_a_login_leads_nowhere_else(http: httpx.Client, elsewhere: str) -> None:
    answer = http.get(START, params={"return_to": elsewhere})

    expect(answer, 400, "invalid_query")
    assert not cookies_of(answer)


@pytest.mark.parametrize("query", ["?next=/", "?return_to=/&return_to=/x", "?return_to=/&x=1"])
def test_a_login_takes_one_return_to_and_nothing_else(http: httpx.Client, query: str) -> None:
    expect(http.get(START + query), 400, "invalid_query")


# ---------------------------------------------------------------- a callback that is not ours


def test_a_callback_without_a_state_is_no_callback(http: httpx.Client) -> None:
    _, cookies = start(http)

    expect(come_back(http, f"{CALLBACK}?code=x", cookies), 400, "invalid_query")


def test_a_callback_without_the_cookie_is_refused_and_uses_nothing_up(
    http: httpx.Client, somebody: str
) -> None:
    location, cookies = start(http)
    callback = authorize(str(location), somebody)

    expect(come_back(http, callback, {}), 401, "login_expired")

    assert come_back(http, callback, cookies).status_code == 303


def test_a_login_that_another_browser_has_begun_cannot_be_finished_here(
    http: httpx.Client, somebody: str
) -> None:
    attackers, _ = start(http)
    _, cookies = start(http)

    answer = come_back(http, authorize(str(attackers), somebody), cookies)

    expect(answer, 401, "login_expired")


def test_the_state_itself_is_no_cookie(http: httpx.Client, somebody: str) -> None:
    location, _ = start(http)
    callback = authorize(str(location), somebody)

    answer = come_back(http, callback, {OAUTH: location.params["state"]})

    expect(answer, 401, "login_expired")


def test_a_state_and_a_cookie_that_were_made_up_together_open_nothing(http: httpx.Client) -> None:
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(f"state {secret}".encode()).digest()
    state = base64.urlsafe_b64encode(digest).decode().rstrip("=")

    answer = come_back(http, f"{CALLBACK}?code=x&state={state}", {OAUTH: secret})

    expect(answer, 401, "login_expired")


def test_a_callback_counts_once(http: httpx.Client, somebody: str) -> None:
    location, cookies = start(http)
    callback = authorize(str(location), somebody)
    assert come_back(http, callback, cookies).status_code == 303

    expect(come_back(http, callback, cookies), 401, "login_expired")


def test_of_many_who_come_back_with_the_same_login_one_gets_in(
    http: httpx.Client, somebody: str
) -> None:
    location, cookies = start(http)
    callback = authorize(str(location), somebody)

    answers = together(10, lambda _: come_back(http, callback, cookies))

    statuses = sorted(each.status_code for each in answers if isinstance(each, httpx.Response))
    assert statuses == [303] + [401] * 9


def test_a_login_that_took_too_long_is_over(
    http: httpx.Client, somebody: str, database_url: str
) -> None:
    location, cookies = start(http)
    callback = authorize(str(location), somebody)
    with psycopg.connect(database_url) as conn:
        conn.execute(
            """
            UPDATE oauth_logins
               SET expires_at = expires_at - interval '10 minutes'
             WHERE nonce = %(nonce)s
            """,
            {"nonce": location.params["nonce"]},
        )

    expect(come_back(http, callback, cookies), 401, "login_expired")


def test_an_id_token_for_another_nonce_is_refused(
    http: httpx.Client, somebody: str, database_url: str
) -> None:
    location, cookies = start(http)
    callback = authorize(str(location), somebody)
    with psycopg.connect(database_url) as conn:
        conn.execute(
            "UPDATE oauth_logins SET nonce = 'other' WHERE nonce = %(nonce)s",
            {"nonce": location.params["nonce"]},
        )

    expect(come_back(http, callback, cookies), 401, "login_refused")


def test_a_code_of_another_login_is_not_taken(http: httpx.Client, somebody: str) -> None:
    """An attacker has stolen a code, and has the victim's identity put into his own login."""
    stolen = httpx.URL(authorize(str(start(http)[0]), somebody)).params["code"]
    location, cookies = start(http)

    answer = come_back(http, f"{CALLBACK}?code={stolen}&state={location.params['state']}", cookies)

    expect(answer, 401, "login_refused")


def test_a_code_that_the_provider_does_not_know_is_refused(http: httpx.Client) -> None:
    location, cookies = start(http)
    state = location.params["state"]

    expect(come_back(http, f"{CALLBACK}?code=x&state={state}", cookies), 401, "login_refused")


def test_a_callback_may_hold_what_a_provider_adds_but_nothing_twice(
    http: httpx.Client, provider: Provider, somebody: str
) -> None:
    location, cookies = start(http)
    callback = authorize(str(location), somebody)
    more = f"{callback}&session_state=x&scope=openid&iss={provider.issuer}"

    expect(come_back(http, f"{callback}&code=other", cookies), 400, "invalid_query")

    assert come_back(http, more, cookies).status_code == 303


def test_a_browser_that_comes_from_another_provider_is_refused(
    http: httpx.Client, provider: Provider, somebody: str
) -> None:
    for iss in ("https://evil.example", provider.issuer + "/", provider.issuer.upper(), ""):
        location, cookies = start(http)
        callback = authorize(str(location), somebody)

        answer = come_back(http, f"{callback}&iss={iss}", cookies)

        expect(answer, 401, "login_refused")


def test_what_the_provider_says_of_an_error_is_not_repeated(http: httpx.Client) -> None:
    location, cookies = start(http)
    words = "error=access_denied&error_description=%3Cscript%3Eevil%3C/script%3E"

    answer = come_back(http, f"{CALLBACK}?{words}&state={location.params['state']}", cookies)

    expect(answer, 401, "login_refused")
    assert "script" not in answer.text
    assert "access_denied" not in answer.text


def test_neither_code_nor_error_is_a_refusal_too(http: httpx.Client) -> None:
    location, cookies = start(http)

    answer = come_back(http, f"{CALLBACK}?state={location.params['state']}", cookies)

    expect(answer, 401, "login_refused")


# ---------------------------------------------------------------- around it


def test_whoever_begins_too_often_has_to_wait(
    serve: Serve, database_url: str, client_settings: dict[str, str]
) -> None:
    limited = client_settings | {"OAUTH_PER_ADDRESS": "2/minute", "DATABASE_URL": database_url}
    with httpx.Client(base_url=serve(env=limited).url) as http:
        first, second, third = (http.get(START) for _ in range(3))

    assert first.headers["ratelimit"].startswith('"oauth";r=1;')
    assert second.status_code == 303
    expect(third, 429, "rate_limited")


def test_without_a_provider_there_is_no_such_login(serve: Serve, database_url: str) -> None:
    with httpx.Client(base_url=serve(env={"DATABASE_URL": database_url}).url) as http:
        for path in (START, f"{CALLBACK}?state=x"):
            expect(http.get(path), 404, "oauth_not_configured")


def test_a_wrong_secret_is_our_trouble_and_nobodys_refusal(
    serve: Serve, database_url: str, client_settings: dict[str, str], somebody: str
) -> None:
    wrong = client_settings | {"OIDC_CLIENT_SECRET": "wrong", "DATABASE_URL": database_url}
    server = serve(env=wrong)
    with httpx.Client(base_url=server.url) as http:
        answer = log_in(http, START, somebody)

    expect(answer, 503, "provider_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "oauth.provider_unavailable why=request_refused" in server.log()


def test_the_log_holds_nothing_that_opens_a_door(
    http: httpx.Client, server: Server, somebody: str, client_settings: dict[str, str]
) -> None:
    location, cookies = start(http)
    callback = httpx.URL(authorize(str(location), somebody))
    session = cookies_of(come_back(http, str(callback), cookies))
    come_back(http, str(callback), cookies)

    server.settle()
    log = server.log()
    told = [location.params["state"], location.params["nonce"], callback.params["code"]]
    secret = client_settings["OIDC_CLIENT_SECRET"]
    for value in (*told, *cookies.values(), session[SESSION], secret, somebody, "@example.com"):
        assert value not in log
    assert f"path={CALLBACK} " in log
    assert "by=provider account=created" in log
