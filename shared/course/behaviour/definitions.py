"""The functions, methods and classes of a phase, and its SQL, read from the syntax tree.

A class is what it says beside its methods; each of these stands for itself.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STATEMENT = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|TRUNCATE|LOCK)\s")

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Definition = _Function | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Definition:
    """One of them; `lines` are those beneath its first, without white space around them."""

    file: str
    name: str
    kind: str
    lines: tuple[str, ...]
    statements: frozenset[str] = frozenset()

    @property
    def bare_name(self) -> str:
        """Its name without that of its class."""
        return self.name.rpartition(".")[2]


def definitions(sources: Mapping[str, str]) -> list[Definition]:
    """Find all of them in Python files, given by name."""
    return [
        found
        for file, text in sources.items()
        for found in _within(file, text, ast.parse(text, file))
    ]


def statements(sources: Mapping[str, str]) -> Counter[str]:
    """Find the SQL of Python files, each statement as often as it is written."""
    return Counter(found for text in sources.values() for found in _sql(ast.parse(text)))


def _within(
    file: str, text: str, parent: ast.Module | ast.ClassDef, prefix: str = ""
) -> Iterator[Definition]:
    for node in parent.body:
        if isinstance(node, _Definition):
            yield _definition(file, text, node, prefix)
        if isinstance(node, ast.ClassDef):
            yield from _within(file, text, node, f"{prefix}{node.name}.")


def _definition(file: str, text: str, node: _Definition, prefix: str) -> Definition:
    kind = "class" if isinstance(node, ast.ClassDef) else "function"
    own = [each for each in node.body if kind == "function" or not isinstance(each, _Definition)]
    rows = text.splitlines()
    written = [row for part in own for row in rows[part.lineno - 1 : part.end_lineno]]
    lines = tuple(row.strip() for row in written if row.strip())
    found = frozenset(sql for part in own for sql in _sql(part))
    return Definition(file, prefix + node.name, kind, lines, found)


def _sql(tree: ast.AST) -> Iterator[str]:
    """Find literals that are statements, as they are when white space is all the same."""
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and _STATEMENT.match(text):
            yield " ".join(text.split())
