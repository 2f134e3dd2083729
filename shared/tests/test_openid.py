"""The provider on this machine runs as long as it is wanted, and says what it is told to."""

from __future__ import annotations

import httpx
import jwt
import pytest

from shared import openid

REDIRECT = "https://shop.test/callback"


def test_a_provider_runs_as_long_as_its_block() -> None:
    with openid.provider() as provider:
        about = f"{provider.issuer}/.well-known/openid-configuration"
        assert httpx.get(about).json()["issuer"] == provider.issuer
        assert provider.issuer.startswith("http://127.0.0.1:")

    with pytest.raises(httpx.ConnectError):
        httpx.get(about)


def test_whoever_logs_in_is_who_he_says_with_the_claims_that_were_set() -> None:
    with openid.provider() as provider:
        provider.set_claims("a b", email="ab@example.com", email_verified=True)

        claims = {sub: log_in(provider, sub) for sub in ("a b", "ada", "a stranger")}

    assert claims["a b"]["email"] == "ab@example.com"
    assert claims["ada"]["name"] == "Ada Lovelace"
    assert "email_verified" not in claims["a stranger"]


def log_in(provider: openid.Provider, sub: str) -> dict[str, object]:
    """Redeem the code of a login; returns what the ID token says."""
    client_id, secret = provider.register(REDIRECT)
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT,
        "scope": "openid email profile",
    }
    address = httpx.URL(f"{provider.issuer}/oauth2/authorize", params=asked)
    code = httpx.URL(openid.authorize(str(address), sub)).params["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    answer = httpx.post(f"{provider.issuer}/oauth2/token", data=form, auth=(client_id, secret))
    token = answer.raise_for_status().json()["id_token"]
    claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == sub
    return claims


def test_a_client_that_is_registered_is_looked_at() -> None:
    with openid.provider() as provider:
        client_id, _ = provider.register(REDIRECT)
        asked = {"response_type": "code", "client_id": client_id, "redirect_uri": REDIRECT + "/x"}

        answer = httpx.post(f"{provider.issuer}/oauth2/authorize", params=asked, data={"sub": "x"})

    assert answer.status_code == 400
