"""Forge a token, a dozen ways, and show it to two who should know better.

An access token is a note that anybody can read and nobody can write. Nobody, that is, as long as
whoever checks it decides by himself how it is checked. The first of the two who are shown the
forgeries is a naive verifier (`_naive_verifier.py`, read it first) that lets the token have a say
in that. The other is our service.

Mallory has an account and a token of her own, and would like to be the admin. Which of these does
the naive one take? The last six are not forged at all: their signatures are right.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx
import psycopg
from pydantic import SecretStr

from phase3_auth.access_tokens import AccessTokens, InvalidToken
from phase3_auth.clock import utc_now

from ._forgeries import Forgery, Target, compact, forgeries, new_key, pem_of, with_rsa, written
from ._naive_verifier import Refused, parsed, verify
from ._people import HURRIED, bearing, log_in, log_in_admin, sign_up

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shared.lab import Lab

    from ._forgeries import Signs

    Json = dict[str, Any]

KEY = "shop-1.pem"
SHOWN = 64
"""Letters of a header that are shown; a key inside it is longer."""


def run(lab: Lab) -> None:
    """Show each token to both."""
    pair = new_key()
    with httpx.Client(base_url=lab.serve(env=HURRIED).url) as http, TemporaryDirectory() as folder:
        (Path(folder) / KEY).write_bytes(pem_of(pair))
        mallory = str(sign_up(http, "Mallory"))
        admin = str(me(http, log_in_admin(http, lab).access).json()["id"])
        names = {mallory: "Mallory", admin: "the admin"}
        ours, reader = our_target(http, lab, admin)
        naive = naive_target(ours, with_rsa(pair))
        tokens = [Forgery("Mallory's own", "the right key", Target.own)]
        tokens += forgeries(pem_of(pair))
        take_apart(lab, ours.own())
        show_headers(lab, naive, tokens)
        lab.predict("Whom does the naive verifier take each of them for? And our service?")
        judges = Judges(Path(folder), http, reader, lab.database_url, names)
        rows = [judges.shown(each.what, each.made(naive), each.made(ours)) for each in tokens]
        http.post("/auth/logout", headers=bearing(ours.own())).raise_for_status()
        rows.append(judges.shown("Mallory's own, after her logout", naive.own(), ours.own()))
    columns = ("token", "the naive verifier takes it for", "our service", "because")
    lab.table("Who is let in", columns, rows)
    show_refusals(lab, judges)


def our_target(http: httpx.Client, lab: Lab, admin: str) -> tuple[Target, AccessTokens]:
    """Let Mallory log in at our service; returns her token, and what our service reads it with."""
    token, refresh = log_in(http, "Mallory")
    header, claims = map(parsed, token.split(".")[:2])
    kid, _, secret = lab.environment["JWT_KEYS"].partition(":")
    reader = AccessTokens({kid: SecretStr(secret)}, claims["iss"], claims["aud"])

    def signs(signed: bytes) -> bytes:
        return hmac.digest(secret.encode(), signed, "sha256")

    return Target(header, claims, signs, refresh, admin), reader


def naive_target(ours: Target, signs: Signs) -> Target:
    """Imagine a shop that signs with RSA, refresh tokens too, and says the same in its tokens."""
    header = ours.header | {"alg": "RS256", "kid": KEY}
    refresh = compact(header | {"typ": "refresh+jwt"}, ours.claims, signs)
    return Target(header, ours.claims, signs, refresh, ours.admin)


@dataclass
class Judges:
    """The two who are shown tokens."""

    keys: Path
    http: httpx.Client
    reader: AccessTokens
    database_url: str
    names: Mapping[str, str]
    refusals: list[str] = field(default_factory=list[str])

    def shown(self, what: str, to_naive: str, to_ours: str) -> tuple[str, str, str, str]:
        """Show a token to both; returns a row."""
        return what, self.naive(to_naive), self.ours(to_ours), self.because(to_ours)

    def naive(self, token: str) -> str:
        """Tell whom the naive verifier takes it for."""
        try:
            return self.names[verify(token, self.keys)["sub"]]
        except Refused:
            return "nobody"

    def ours(self, token: str) -> str:
        """Tell what our service answers."""
        answer = me(self.http, token)
        if answer.is_success:
            return f"lets {self.names[str(answer.json()['id'])]} in"
        self.refusals.append(f"{answer.headers['www-authenticate']}\n\n{answer.text}")
        return f"refuses: {answer.status_code} {answer.json()['code']}"

    def because(self, token: str) -> str:
        """Tell what the service makes of it, and keeps to itself."""
        try:
            read = self.reader.read(token, utc_now())
        except InvalidToken as error:
            return str(error)
        denied = "SELECT FROM revoked_tokens WHERE jti = %s"
        with psycopg.connect(self.database_url) as conn:
            taken_back = conn.execute(denied, [read.jti]).fetchone() is not None
        return "It was taken back: its jti is denied." if taken_back else "It is in order."


def me(http: httpx.Client, token: str) -> httpx.Response:
    """Ask who one is."""
    return http.get("/auth/me", headers=bearing(token))


def take_apart(lab: Lab, token: str) -> None:
    """Show that a token can be read by anybody."""
    header, claims = (json.dumps(parsed(part), indent=2) for part in token.split(".")[:2])
    *_, signature = token.split(".")
    title = "Mallory's own token, taken apart: a header, claims, and a signature, in base64url"
    lab.block(title, f"{token}\n\n{header}\n{claims}\n{signature}")


def show_headers(lab: Lab, naive: Target, tokens: list[Forgery]) -> None:
    """Tell what each token says of itself, and what it is really signed with."""
    lab.table(
        "What is shown to the naive verifier",
        ("token", "header", "signed with"),
        [(each.what, f"`{header_of(each.made(naive))}`", each.signed_with) for each in tokens],
    )


def header_of(token: str) -> str:
    """Write the header of a token, as far as there is room."""
    header = written(parsed(token.partition(".")[0]))
    return header if len(header) <= SHOWN else f"{header[:SHOWN]}…"


def show_refusals(lab: Lab, judges: Judges) -> None:
    """Show what a forger learns."""
    different = sorted(set(judges.refusals))
    lab.block(
        f"What a forger is told: {len(judges.refusals)} refusals, {len(different)} answer",
        "\n\n".join(different),
    )
    lab.note(
        "*Because* is what our service has found, and tells nobody. A header that it doesn't write "
        "itself is the end of most forgeries, before anything is decoded. The rest have a "
        "signature, right or not. Those of the last six are right: whoever takes these tokens has "
        "to look at the claims, and for a logout at the database. (A refresh token of ours is no "
        "JWT at all; the naive shop signs its own, so that they look alike.)"
    )
