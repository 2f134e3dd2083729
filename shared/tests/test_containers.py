"""What holds of containers alone; collected when INFRA=containers asks for them (conftest.py)."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import docker
import pytest

from shared import infra

from .test_infra import a_checkout, asked

if TYPE_CHECKING:
    from pathlib import Path


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


def test_containers_that_are_killed_or_removed_are_started_again(tmp_path: Path) -> None:
    with a_checkout(tmp_path) as checkout:
        infra.redis(checkout)
        label = f"backend-curriculum.checkout={checkout.checkout}"
        with closing(docker.from_env()) as engine:
            for container in engine.containers.list(filters={"label": label}):
                container.kill()

        assert asked(infra.redis(checkout), "PING") == b"+PONG\r\n"
        assert infra.down(checkout) == ["the redis container"]
        assert infra.down(checkout) == []
