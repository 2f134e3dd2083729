"""The lesson, followed word by word: every command in it does what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import lessons, openid

if TYPE_CHECKING:
    from shared.fixtures import Serve
    from shared.phases import Phase


def test_the_lesson_says_what_happens(
    phase: Phase, environment: dict[str, str], database_url: str, serve: Serve
) -> None:
    with openid.provider() as provider:
        environment = {
            **environment,
            "DATABASE_URL": database_url,
            "OIDC_ISSUER": provider.issuer,
            "OIDC_CLIENT_ID": "shop",
            "OIDC_CLIENT_SECRET": "secret",
        }

        lessons.follow(phase, serve(env=environment).url, environment)
