"""The OpenAPI document: what it promises, held against the live service by an outside tool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing(base_url: str, tmp_path: Path) -> None:
    st = Path(sys.executable).with_name("st")
    command = [st, "--config-file", CONFIGURATION, "run", f"{base_url}/openapi.json", "-c", "all"]

    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_each_operation_documents_how_it_can_fail(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            documented = set(operation["responses"])
            if "requestBody" in operation:
                assert {"400", "413", "415", "422", "503"} <= documented, (method, path)
            else:
                assert "422" not in documented, (method, path)
            if "{" in path:
                assert "404" in documented, (method, path)
