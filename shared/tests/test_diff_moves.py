"""What only moved from one phase to the next is recognized, and nothing else is taken for it."""

from __future__ import annotations

from collections import Counter
from textwrap import dedent, indent

from shared.course.behaviour.definitions import definitions, statements
from shared.course.behaviour.moves import Moves, Statements, compare_statements, moves

QUERY = '''
async def select_user(conn: AsyncConnection, user_id: int) -> User | None:
    """Find a user."""
    cursor = await conn.cursor(row_factory=class_row(User)).execute(
        """
        SELECT id, name
          FROM users
         WHERE id = %(id)s
        """,
        {"id": user_id},
    )
    return await cursor.fetchone()
'''

METHOD = '''
class PostgresUsers:
    """The users table."""

    async def get(self, user_id: int) -> User | None:
        """Find somebody."""
        one = await self._conn.cursor(row_factory=class_row(User)).execute(
            """
            SELECT id, name
              FROM users
             WHERE id = %(wanted)s
            """,
            {"wanted": user_id},
        )
        return await one.fetchone()
'''

LENGTH = '''
def length(words: list[str]) -> int:
    """Count letters."""
    total = 0
    for word in words:
        total += len(word)
    return total
'''


def compared(before: dict[str, str], after: dict[str, str]) -> Moves:
    return moves(definitions(before), definitions(after))


def told(found: Moves) -> list[tuple[str, str, int]]:
    return [
        (
            f"{move.before.file}:{move.before.name}",
            f"{move.after.file}:{move.after.name}",
            move.changed,
        )
        for move in found.moved
    ]


def test_a_function_in_another_file_has_moved_and_is_identical() -> None:
    found = compared({"old.py": LENGTH}, {"new/place.py": LENGTH})

    assert told(found) == [("old.py:length", "new/place.py:length", 0)]
    assert (found.stayed, found.added, found.removed) == (0, (), ())


def test_what_stays_in_its_file_is_only_counted() -> None:
    found = compared({"same.py": LENGTH}, {"same.py": LENGTH.replace("0", "1")})

    assert (found.stayed, found.moved) == (1, ())


def test_a_changed_line_is_counted() -> None:
    changed = LENGTH.replace("+= len(word)", "+= len(word.strip())")

    found = compared({"old.py": LENGTH}, {"new.py": changed})

    assert told(found) == [("old.py:length", "new.py:length", 1)]


def test_another_name_does_not_hide_the_same_text() -> None:
    found = compared({"a.py": LENGTH}, {"a.py": LENGTH.replace("def length", "def letters")})

    assert told(found) == [("a.py:length", "a.py:letters", 0)]


def test_a_method_with_the_sql_of_a_function_is_that_function() -> None:
    same_sql = METHOD.replace("%(wanted)s", "%(id)s")

    found = compared({"users.py": QUERY}, {"repositories/users.py": same_sql})

    assert [(old, new) for old, new, _ in told(found)] == [
        ("users.py:select_user", "repositories/users.py:PostgresUsers.get")
    ]
    assert [each.name for each in found.added] == ["PostgresUsers"]


def test_a_method_without_the_sql_of_a_function_and_with_few_of_its_lines_is_new() -> None:
    other = METHOD.replace("FROM users", "FROM people")

    found = compared({"users.py": QUERY}, {"repositories/users.py": other})

    assert found.moved == ()
    assert [each.name for each in found.removed] == ["select_user"]


def test_of_two_with_one_name_the_one_with_the_same_text_is_taken() -> None:
    other = LENGTH.replace("total += len(word)", "total -= 1")

    found = compared({"a.py": LENGTH}, {"b.py": other, "c.py": LENGTH})

    assert told(found) == [("a.py:length", "c.py:length", 0)]
    assert [each.file for each in found.added] == ["b.py"]


def test_each_definition_is_taken_once() -> None:
    found = compared({"a.py": LENGTH, "b.py": LENGTH}, {"c.py": LENGTH})

    assert len(found.moved) == len(found.removed) == 1


def test_short_functions_are_not_alike_because_one_line_is() -> None:
    one, other = "def begin() -> int:\n    return 1\n", "def end() -> int:\n    return 1\n"

    assert compared({"a.py": one}, {"b.py": other}).moved == ()


def test_classes_whose_constructors_share_the_name_are_no_kin() -> None:
    def holder(name: str, field: str) -> str:
        return f"class {name}:\n    def __init__(self) -> None:\n        self.{field} = 1\n"

    assert compared({"a.py": holder("A", "x")}, {"b.py": holder("B", "y")}).moved == ()


def test_a_class_is_compared_without_its_methods() -> None:
    before = "class User:\n    id: int\n    name: str\n" + indent(LENGTH, "    ")
    after = "class User:\n    id: int\n    name: str\n" + indent(dedent(QUERY), "    ")

    found = compared({"users.py": before}, {"domain/users.py": after})

    assert told(found) == [("users.py:User", "domain/users.py:User", 0)]
    assert [each.name for each in found.removed] == ["User.length"]


def test_sql_is_the_same_whatever_its_white_space() -> None:
    before = statements({"a.py": QUERY})
    after = statements({"b.py": METHOD.replace("%(wanted)s", "%(id)s")})

    assert before == after == Counter(["SELECT id, name FROM users WHERE id = %(id)s"])
    assert compare_statements(before, after) == Statements(1, 0, 0, 0)


def test_sql_that_is_alike_has_changed_and_the_rest_is_added_or_removed() -> None:
    before = Counter(["SELECT id, name FROM users WHERE id = %(id)s", "DELETE FROM posts"])
    after = Counter(["SELECT id, email FROM users WHERE id = %(id)s", "UPDATE a SET b = 1"])

    assert compare_statements(before, after) == Statements(0, 1, 1, 1)


def test_a_statement_written_twice_counts_twice() -> None:
    once, twice = Counter(["SELECT 1"]), Counter(["SELECT 1", "SELECT 1"])

    assert compare_statements(once, twice) == Statements(1, 0, 1, 0)


def test_prose_that_begins_like_sql_is_none() -> None:
    assert not statements({"a.py": '"""Update the row."""\nname = "SELECTED"\n'})
