"""The OpenAPI document: what it promises, held against the live service by an outside tool."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from phase4_layered.controllers.auth import PUBLIC

from .conftest import ADMIN, as_user, new_order, new_product, new_user
from .people import UNLIMITED

if TYPE_CHECKING:
    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


# Else the admin would, sooner or later, make an admin of somebody and no admin of himself.
ONCE_AN_ADMIN = """
    CREATE FUNCTION stay_admin() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.role := 'admin';
        RETURN NEW;
    END;
    $$;

    CREATE TRIGGER stay_admin BEFORE UPDATE ON users
        FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION stay_admin();
    """


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve somebody who tries everything many times."""
    with psycopg.connect(database_url) as conn:
        conn.execute(ONCE_AN_ADMIN)
    return serve(env={**UNLIMITED, "DATABASE_URL": database_url})


@pytest.fixture
def people(http: httpx.Client, tmp_path: Path) -> Path:
    """Write down who there are and what they show, in the form of Web Fuzzing Commons.

    Each has an order, by which they cannot be deleted.
    """
    who = {"admin": ADMIN, "ada": new_user(http), "bob": new_user(http)}
    product = new_product(http, stock=1_000_000)
    for user in who.values():
        new_order(http, user, {product: 1})
    auth = [{"name": name, "fixedHeaders": headers_of(user)} for name, user in who.items()]
    (tmp_path / "people.json").write_text(json.dumps({"auth": auth}))
    return tmp_path


def headers_of(user_id: int) -> list[dict[str, str]]:
    """Write the headers by which a user is known."""
    return [{"name": name, "value": value} for name, value in as_user(user_id).items()]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", ["admin", "ada"])
def test_schemathesis_finds_nothing(who: str, base_url: str, people: Path) -> None:
    st = Path(sys.executable).with_name("st")
    command = [st, "--config-file", CONFIGURATION, "run", f"{base_url}/openapi.json", "-c", "all"]

    run = subprocess.run(
        [*command, "--auth-wfc-user", who],
        cwd=people,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    # An admin is let in everywhere, or the run has proven little.
    assert who != "admin" or "Authentication failed" not in run.stdout, run.stdout


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


def test_each_operation_says_whether_it_needs_an_identity(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"token", "cookie"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needed = operation.get("security", [])
            if (method.upper(), path) in PUBLIC:
                assert needed == [], (method, path)
            else:
                assert needed == [{"token": []}, {"cookie": []}], (method, path)
                assert "401" in operation["responses"], (method, path)
            if needed and method != "get":  # with a cookie, it could be forged
                assert "403" in operation["responses"], (method, path)
