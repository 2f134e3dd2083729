"""The lesson, followed word by word: every command does what it says, every smell is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from shared import lessons, openid
from shared.phases import find_phase

if TYPE_CHECKING:
    from shared.fixtures import Serve
    from shared.phases import Phase

HERE = find_phase(4).path
# [users.py:110](../phase3_auth/users.py#L110) `async def change_user(`
CITED = re.compile(r"\[(\S+):(\d+)\]\((\S+)#L(\d+)\)\s`([^`]+)`")
SMELLS = CITED.findall((HERE / "README.md").read_text(encoding="utf-8"))


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


def test_the_lesson_cites_phase_3() -> None:
    assert len(SMELLS) == 9


@pytest.mark.parametrize(("name", "line", "path", "anchor", "code"), SMELLS)
def test_what_the_lesson_cites_stands_where_it_says(
    name: str, line: str, path: str, anchor: str, code: str
) -> None:
    file = (HERE / path).resolve()
    text = file.read_text(encoding="utf-8").splitlines()

    assert (file.name, anchor) == (name, line)
    assert code in text[int(line) - 1]
