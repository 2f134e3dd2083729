"""What a client sends to an OpenID provider, as Authlib writes it.

The rest of Authlib's clients would bring HTTP of their own along. We want ours, with its limits.
"""
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false
# Authlib has no types. Behind this module there are some.

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote_plus

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

SCOPE = "openid email profile"


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows us by; a client that can keep no secret has none."""

    id: str
    secret: str
    # The provider sends people back to this very address, compared letter by letter.
    redirect_uri: str


def authorization_url(endpoint: str, client: Client, state: str, nonce: str, verifier: str) -> str:
    """Write the address that a browser is sent to (OpenID Connect Core 1.0, 3.1.2.1).

    Three values, three dangers. `state` makes the answer one to a question of this browser's, the
    nonce makes the ID token one for this login, and PKCE (RFC 7636) makes the code worth nothing to
    a thief: only a hash of the verifier passes through the browser, and without the verifier nobody
    can redeem the code.
    """
    return cast(
        "str",
        prepare_grant_uri(
            endpoint,
            client.id,
            "code",
            redirect_uri=client.redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        ),
    )


def token_request(
    client: Client, methods: Sequence[str], code: str, verifier: str
) -> tuple[dict[str, str], bytes]:
    """Write headers and body of the POST that redeems a code (RFC 6749, 4.1.3).

    `methods` are the provider's ways to have a client prove who it is (RFC 6749, 2.3.1).
    """
    body = prepare_token_request(
        "authorization_code", code=code, redirect_uri=client.redirect_uri, code_verifier=verifier
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    _, headers, body = proof_of(client, methods).prepare("POST", "", headers, body)
    return cast("dict[str, str]", headers), cast("str", body).encode()


def proof_of(client: Client, methods: Sequence[str]) -> ClientAuth:
    """Choose how to prove that it is us."""
    if not client.secret:
        return ClientAuth(client.id, None, "none")
    if "client_secret_basic" in methods:
        # Quoted as in a form, which Authlib leaves to us: a colon parts the two.
        return ClientAuth(quote_plus(client.id), quote_plus(client.secret), "client_secret_basic")
    return ClientAuth(client.id, client.secret, "client_secret_post")
