"""What holds of containers alone; collected when INFRA=containers asks for them (conftest.py)."""

from __future__ import annotations

import io
import os
import secrets
from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest

from shared import infra

from .test_infra import a_checkout, asked, remember, remembered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.infra.state import State


def test_a_container_is_found_again() -> None:
    assert infra.postgres() == infra.postgres()
    assert asked(infra.redis(), "PING") == b"+PONG\r\n"


def test_a_container_of_another_image_is_neither_used_nor_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = infra.postgres()

    with monkeypatch.context() as changed:
        changed.setenv("POSTGRES_IMAGE", "another:1")
        with pytest.raises(infra.InfraError, match="make down"):
            infra.postgres()

    assert infra.postgres() == url


def kill_containers(checkout: State) -> None:
    label = f"backend-curriculum.checkout={checkout.checkout}"
    with closing(docker.from_env()) as engine:
        for container in engine.containers.list(filters={"label": label}):
            container.kill()


def test_no_acknowledged_write_is_lost_when_a_container_is_killed(tmp_path: Path) -> None:
    with a_checkout(tmp_path) as checkout:
        remember(checkout, "kept")

        kill_containers(checkout)

        assert remembered(checkout) == {"kept"}


@pytest.fixture
def unlucky_image() -> Iterator[str]:
    """Build an image whose containers say a word and end."""
    base = os.environ.get("REDIS_IMAGE", "redis:8.4")
    recipe = f'FROM {base}\nENTRYPOINT ["sh", "-c", "echo no luck today; exit 1"]\n'
    tag = f"course-test:{secrets.token_hex(4)}"
    with closing(docker.from_env()) as engine:
        engine.images.build(fileobj=io.BytesIO(recipe.encode()), tag=tag, rm=True)
        yield tag
        engine.images.remove(tag)  # pyright: ignore[reportUnknownMemberType] - docker has no annotation


def test_a_container_that_ends_at_once_is_quoted(
    unlucky_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_IMAGE", unlucky_image)

    with (
        a_checkout(tmp_path) as checkout,
        pytest.raises(infra.InfraError, match=r"(?s)redis container .*make down.*no luck today"),
    ):
        infra.redis(checkout)


def test_a_killed_redis_is_started_again_and_removed_by_down(tmp_path: Path) -> None:
    with a_checkout(tmp_path) as checkout:
        infra.redis(checkout)

        kill_containers(checkout)

        assert asked(infra.redis(checkout), "PING") == b"+PONG\r\n"
        assert infra.down(checkout) == ["the redis container"]
        assert infra.down(checkout) == []
