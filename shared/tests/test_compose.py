"""`docker-compose.yml` gives what `INFRA=containers` gives, on loopback, and knows no secret."""

from __future__ import annotations

import re

from shared.phases import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


def test_the_images_are_those_of_the_containers_mode() -> None:
    containers = (ROOT / "shared" / "infra" / "containers.py").read_text(encoding="utf-8")

    defaults = dict(re.findall(r"\$\{(\w+_IMAGE):-([^}]+)\}", COMPOSE))

    assert defaults == dict(re.findall(r'"(\w+_IMAGE)", "([^"]+)"', containers))


def test_the_images_are_pinned_to_a_version() -> None:
    images = re.findall(r"_IMAGE:-([^}]+)\}", COMPOSE)

    assert images
    assert all(re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?", image) for image in images)


def test_every_published_port_is_on_loopback() -> None:
    published = re.findall(r'^ +- "(.+):\d+"$', COMPOSE, re.MULTILINE)

    assert published
    assert all(address.startswith("127.0.0.1:") for address in published)


def test_every_password_comes_from_outside_and_is_required() -> None:
    values = re.findall(r"^ +(?:POSTGRES_PASSWORD|REDISCLI_AUTH): (.+)$", COMPOSE, re.MULTILINE)

    assert len(values) == 2
    assert all(re.fullmatch(r"\$\{\w+_PASSWORD:\?.+\}", value) for value in values)
