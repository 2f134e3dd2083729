"""Which test modules there are in this mode."""

from __future__ import annotations

from shared import infra

collect_ignore = [] if infra.mode() == "containers" else ["test_containers.py"]
