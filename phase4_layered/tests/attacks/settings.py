"""Settings out of an environment that is not our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phase4_layered.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Read settings as the service would in this environment."""
    given = {name.lower(): value for name, value in environment.items()}
    known = given.keys() & Settings.model_fields.keys()
    return Settings.model_validate({name: given[name] for name in known})
