"""Leading somebody elsewhere by way of us: a link that begins like ours and ends at another's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest

from phase4_layered.tests.people import UNLIMITED
from shared import openid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.fixtures import Serve
    from shared.openid import Provider
    from shared.servers import Server

START = "/auth/oauth/login"
EVIL = "attacker.example"

ELSEWHERE = (
    *(f"http://{EVIL}", f"https://{EVIL}/", f"HTTP://{EVIL}", f"//{EVIL}", f"///{EVIL}"),
    *(f"////{EVIL}", f"/\\{EVIL}", f"\\/{EVIL}", f"\\\\{EVIL}", f"/\\/{EVIL}", f"\\{EVIL}"),
    *(f"http:{EVIL}", f"http:/{EVIL}", f"http:\\\\{EVIL}", f"https:///{EVIL}", f"://{EVIL}"),
    *(f"/\t/{EVIL}", f"/\n/{EVIL}", f"/\r/{EVIL}", f"\t//{EVIL}", f" //{EVIL}", f"\x0b//{EVIL}"),
    *(f"\x00//{EVIL}", f"/\x00/{EVIL}", f"\u2028//{EVIL}", f"\ufeff//{EVIL}", f"\u3000//{EVIL}"),
    *(f"/auth/me//{EVIL}", f"/auth/me\\..\\..\\{EVIL}", f"/.//{EVIL}", f"/x/..//{EVIL}"),
    *(f"\u2044/{EVIL}", f"\uff0f\uff0f{EVIL}", f"//{EVIL}\u3002", f"/\u2215{EVIL}", "//\u2048"),
    *("javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", "\x01javascript:x"),
    *("data:text/html,x", "vbscript:x", "file:///etc/passwd", "mailto:a@example.com", "blob:x"),
    *(f"{EVIL}", f"{EVIL}/auth/me", f".{EVIL}", f"@{EVIL}", f"http://127.0.0.1@{EVIL}", "?x", "#x"),
    *(f"/#//{EVIL}", f"/auth/me#{EVIL}", "/<script>", '/"onload="x', "/`", "/{{7*7}}"),
    *(
        "/auth/me\r\nSet-Cookie: __Host-session=x",
        "/auth/me\nLocation: //x",
        "/é",
        "/\x7f",
        "",
        " ",
    ),
)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """Run a provider to log in through."""
    with openid.provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, provider: Provider) -> Server:
    """Serve with a login through a provider."""
    login = {
        "OAUTH_PER_ADDRESS": "100000/second",
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": "shop",
    }
    return serve(env={**UNLIMITED, **login, "DATABASE_URL": database_url})


@pytest.mark.parametrize("target", dict.fromkeys(ELSEWHERE), ids=repr)
def test_a_login_leads_to_nobody_else(http: httpx.Client, target: str) -> None:
    for query in (quote(target, safe=""), quote(target, safe="/:@")):
        answer = http.get(f"{START}?return_to={query}")

        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    ["/%2F/x", "/%5C/x", "/%09/x", "/%00", f"/%2F%2F{EVIL}", "/%0d%0aSet-Cookie:x", f"/@{EVIL}"],
)
def test_what_is_encoded_twice_stays_a_path_of_ours(
    http: httpx.Client, base_url: str, provider: Provider, target: str
) -> None:
    provider.set_claims("eve", name="Eve", email="eve@example.com", email_verified=True)

    answer = openid.log_in(http, f"{START}?return_to={quote(target, safe='')}", "eve")

    assert answer.headers["location"] == target
    assert httpx.URL(base_url).join(target).host == httpx.URL(base_url).host
    assert "\r" not in answer.headers["location"]


@pytest.mark.parametrize(
    "name", ["next", "redirect", "redirect_uri", "url", "continue", "goto", "target", "callback"]
)
def test_no_other_parameter_leads_anywhere(http: httpx.Client, name: str) -> None:
    for path in (START, "/auth/me", "/products", "/docs/oauth2-redirect", "/auth/oauth/callback"):
        answer = http.get(f"{path}?{name}=https://{EVIL}/")
        assert EVIL not in answer.headers.get("location", "")
        assert answer.status_code in {200, 400, 401}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": EVIL},
        {"Host": f"127.0.0.1:80@{EVIL}"},
        {"X-Forwarded-Host": EVIL, "X-Forwarded-Proto": "https"},
        {"Forwarded": f"host={EVIL};proto=https"},
        {"X-Host": EVIL, "X-Forwarded-Server": EVIL},
        {"Origin": f"https://{EVIL}", "Referer": f"https://{EVIL}/"},
    ],
    ids=str,
)
def test_no_header_says_where_the_provider_sends_people(
    http: httpx.Client, base_url: str, headers: dict[str, str]
) -> None:
    answer = http.get(START, headers=headers)

    assert answer.status_code == 303
    sent_to = httpx.URL(answer.headers["location"])
    assert sent_to.params["redirect_uri"] == f"{base_url}/auth/oauth/callback"
    assert EVIL not in str(sent_to)


def test_no_path_of_ours_is_a_redirect_to_what_it_ends_with(http: httpx.Client) -> None:
    for path in (f"//{EVIL}/..", f"/%2F{EVIL}", f"/{EVIL}/", f"/\\{EVIL}", f"/%5C{EVIL}/%2E%2E"):
        answer = http.send(http.build_request("GET", "/", extensions={"target": path.encode()}))
        assert answer.status_code == 404
        assert "location" not in answer.headers
