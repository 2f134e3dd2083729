"""Whatever a client or a database's other user would notice is told, and the rest is not."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared import databases, infra
from shared.course.behaviour import api
from shared.course.behaviour.catalogue import tables
from shared.course.behaviour.facts import Difference, differences, same_changes
from shared.course.behaviour.observe import Observed
from shared.course.behaviour.report import Contract, Ran, code, compare, conclusion, sections
from shared.phases import find_phase
from shared.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT: dict[str, Any] = {
    "paths": {
        "/users/{user_id}": {
            "get": {
                "description": "Show a user.",
                "parameters": [
                    {
                        "name": "user_id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "integer"},
                    }
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/User"}}
                        }
                    },
                    "404": {"description": "There is none."},
                },
            }
        }
    },
    "components": {
        "schemas": {
            "User": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "integer", "title": "Id"},
                    "name": {"type": "string", "maxLength": 100},
                },
            }
        }
    },
}
ROUTE = "GET /users/{user_id}"

Edit = Callable[[dict[str, Any]], object]


def operation(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/users/{user_id}"]["get"]


def schemas(document: dict[str, Any]) -> dict[str, Any]:
    return document["components"]["schemas"]


def edited(edit: Edit) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    edit(document)
    return document


def seen(document: dict[str, Any] | None, cost: int = 1) -> Ran:
    return Ran(
        "phase7_x", Observed(document, {"table users": {"column id": "bigint"}}, {ROUTE: cost})
    )


# ---------------------------------------------------------------- the API


EDITS_OF_A_ROUTE: list[tuple[Edit, tuple[str, ...]]] = [
    (lambda d: operation(d)["responses"].pop("404"), ("-404",)),
    (lambda d: operation(d)["responses"].update({"401": {}}), ("+401",)),
    (lambda d: operation(d).update(security=[{"token": []}]), ("+credentials",)),
    (
        lambda d: operation(d)["parameters"].append({"name": "q", "in": "query"}),
        ("+query q",),
    ),
    (
        lambda d: operation(d)["parameters"][0].update(schema={"type": "string"}),
        ("path user_id: integer, required -> string, required",),
    ),
    (
        lambda d: operation(d)["responses"]["200"].update(content={}),
        ("200: User -> empty",),
    ),
    (
        lambda d: operation(d).update(requestBody={"content": {}}),
        ("+body",),
    ),
]


@pytest.mark.parametrize(("edit", "parts"), EDITS_OF_A_ROUTE)
def test_what_changes_of_a_route_is_told(edit: Edit, parts: tuple[str, ...]) -> None:
    found = differences(api.routes(DOCUMENT), api.routes(edited(edit)))

    assert found == [Difference("changed", ROUTE, parts)]


EDITS_OF_A_SCHEMA: list[tuple[Edit, tuple[str, ...]]] = [
    (
        lambda user: user["properties"]["id"].update(type="string"),
        ("id: integer, required -> string, required",),
    ),
    (
        lambda user: user["properties"]["name"].update(maxLength=50),
        ("name: string(maxLength=100) -> string(maxLength=50)",),
    ),
    (
        lambda user: user.update(required=["id", "name"]),
        ("name: string(maxLength=100) -> string(maxLength=100), required",),
    ),
    (lambda user: user["properties"].pop("name"), ("-name",)),
    (lambda user: user["properties"].update(role={"type": "string"}), ("+role",)),
    (
        lambda user: user.update(additionalProperties=False),
        ("the whole: object -> object(additionalProperties=false)",),
    ),
]


@pytest.mark.parametrize(("edit", "parts"), EDITS_OF_A_SCHEMA)
def test_what_changes_of_a_schema_is_told(edit: Edit, parts: tuple[str, ...]) -> None:
    after = edited(lambda document: edit(schemas(document)["User"]))

    assert differences(api.schemas(DOCUMENT), api.schemas(after)) == [
        Difference("changed", "User", parts)
    ]


def test_prose_and_order_are_no_difference() -> None:
    def reword(document: dict[str, Any]) -> None:
        operation(document)["description"] = "Another sentence."
        schemas(document)["User"]["properties"]["id"]["title"] = "Number"
        responses = operation(document)["responses"]
        responses["200"] = responses.pop("200")

    after = edited(reword)

    assert api.routes(after) == api.routes(DOCUMENT)
    assert api.schemas(after) == api.schemas(DOCUMENT)


def test_a_route_and_a_schema_come_and_go_by_name() -> None:
    def replace(document: dict[str, Any]) -> None:
        document["paths"]["/people"] = document["paths"].pop("/users/{user_id}")
        schemas(document)["Person"] = schemas(document).pop("User")

    after = edited(replace)

    assert differences(api.routes(DOCUMENT), api.routes(after)) == [
        Difference("added", "GET /people"),
        Difference("removed", ROUTE),
    ]
    assert differences(api.schemas(DOCUMENT), api.schemas(after)) == [
        Difference("added", "Person"),
        Difference("removed", "User"),
    ]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (
            {"type": "array", "items": {"$ref": "#/x/Line"}, "maxItems": 9},
            "list of Line(maxItems=9)",
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"type": "string", "enum": ["a", "b"]}, 'string(enum=["a", "b"])'),
        ({}, "anything"),
    ],
)
def test_a_schema_is_described_in_few_words(schema: dict[str, Any], words: str) -> None:
    assert api.describe(schema) == words


def test_what_changed_in_the_same_way_is_told_together() -> None:
    found = [Difference("changed", name, ("+401",)) for name in "ab"]

    assert same_changes([*found, Difference("added", "c")]) == [(("+401",), ["a", "b"])]


# ---------------------------------------------------------------- the database


@pytest.fixture
def shop() -> Iterator[str]:
    with databases.throwaway(infra.postgres(), find_phase(2)) as url:
        yield url


def execute(url: str, statement: bytes) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)


@pytest.mark.parametrize(
    ("statement", "name", "parts"),
    [
        (
            b"DROP INDEX users_created_at_idx",
            "table users",
            ("-index users_created_at_idx",),
        ),
        (
            b"ALTER TABLE users ALTER name DROP NOT NULL",
            "table users",
            ("column name: text NOT NULL -> text",),
        ),
        (
            b"ALTER TABLE users ADD age integer CONSTRAINT users_age_check CHECK (age > 0)",
            "table users",
            ("+column age", "+constraint users_age_check"),
        ),
        (
            b"DROP TRIGGER stock_movements_append_only ON stock_movements",
            "table stock_movements",
            ("-trigger stock_movements_append_only",),
        ),
    ],
)
def test_what_changes_of_a_table_is_told(
    statement: bytes, name: str, parts: tuple[str, ...], shop: str
) -> None:
    before = tables(shop)

    execute(shop, statement)

    assert differences(before, tables(shop)) == [Difference("changed", name, parts)]


def test_a_comment_on_a_table_is_no_difference(shop: str) -> None:
    before = tables(shop)

    execute(shop, b"COMMENT ON TABLE users IS 'People.'")

    assert tables(shop) == before


# ---------------------------------------------------------------- round trips


def test_a_proxy_counts_round_trips(shop: str) -> None:
    parts = conninfo_to_dict(shop)
    with Proxy(str(parts["host"]), int(str(parts["port"]))) as proxy:
        through = make_conninfo(shop, host="127.0.0.1", port=proxy.port)
        with psycopg.connect(through, autocommit=True) as conn:
            before = proxy.round_trips
            conn.execute("SELECT 1")
            once = proxy.round_trips
            with conn.transaction():
                conn.execute("SELECT 1")
            thrice = proxy.round_trips

    assert (once - before, thrice - once) == (1, 3)


# ---------------------------------------------------------------- what it comes to


def test_nothing_that_changed_is_an_unchanged_contract() -> None:
    assert conclusion(compare(seen(DOCUMENT), seen(DOCUMENT))) == (
        "Contract unchanged: routes, status codes, schemas and database are the same, "
        "and none of 1 routes takes more round trips."
    )


def test_one_more_round_trip_is_told_though_the_contract_is_the_same() -> None:
    before, after = seen(DOCUMENT), seen(DOCUMENT, cost=2)
    contract = compare(before, after)

    lines = [line.text for part in sections(before, after, contract) for line in part.lines]

    assert "1 -> 2: GET\u00a0/users/{user_id}" in lines
    assert conclusion(contract).startswith("Contract unchanged")
    assert "but 1 of 1 routes take more round trips." in conclusion(contract)


def test_a_status_code_that_is_gone_changes_the_contract() -> None:
    after = edited(lambda document: operation(document)["responses"].pop("404"))

    assert conclusion(compare(seen(DOCUMENT), seen(after))) == (
        "Contract changed: routes: 1 changed. 0 of 1 routes take more round trips."
    )


def test_a_phase_without_a_document_is_said_to_have_none() -> None:
    contract = compare(seen(None), seen(DOCUMENT))

    assert (contract.routes, contract.schemas) == ([], [])
    assert conclusion(contract).startswith("Contract not compared: phase7_x describes no API")


def test_a_phase_that_does_not_run_is_named_with_the_reason() -> None:
    broken = Ran("phase8_y", None, "There is no PostgreSQL.")
    contract = compare(seen(DOCUMENT), broken)

    (section,) = sections(seen(DOCUMENT), broken, contract)

    assert conclusion(contract) == "Contract not compared: phase8_y didn't run."
    assert section.lines[0].text == "phase8_y didn't run: There is no PostgreSQL."


def test_what_was_not_measured_is_named() -> None:
    silent = Ran("phase7_x", Observed(DOCUMENT, {}, {}))

    shown = list(sections(silent, silent, compare(silent, silent)))

    assert shown[-1].lines[-1].text == "not measured: GET\u00a0/users/{user_id}"


def test_moves_stand_under_their_files() -> None:
    def sources(file: str, name: str) -> dict[str, str]:
        return {file: f"def {name}(a):\n    b = a + 1\n    c = a + b\n    return c\n"}

    functions, _ = code(sources("a.py", "f") | sources("b.py", "g"), sources("c.py", "f"))

    assert [(line.text, line.depth) for line in functions.lines] == [
        ("1 moved (1 of them identical), 0 stay where they were, 0 added, 1 removed", 0),
        ("moved a.py -> c.py, identical: f", 0),
    ]


def test_an_empty_contract_has_nothing_to_say_of_costs() -> None:
    assert "none of 0 routes" in conclusion(Contract([], [], [], {}))
