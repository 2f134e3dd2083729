"""Rules that hold between the layers of a service, found in its syntax trees.

Imports are import-linter's to judge. What remains is what needs no import: a text that is SQL, a
call that ends a transaction, a number that is an HTTP status.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

Finding = tuple[ast.AST, str]
"""A place in a file, and what is found there."""

BESIDE_THE_SERVICE = {"tests", "labs", "bugs"}


@dataclass(frozen=True)
class Rule:
    """What must not be found where, and why; a violation tells all of it."""

    name: str
    why: str
    instead: str
    find: Callable[[ast.Module], Iterable[Finding]]
    inside: tuple[str, ...] = ("",)  # folders and files; the empty one is the whole service
    outside: tuple[str, ...] = ()
    exempt: Mapping[str, str] = field(default_factory=dict[str, str])  # a file, and its reason

    def holds_in(self, file: str) -> bool:
        """Tell whether a file of the service is held to the rule."""
        return file.startswith(self.inside) and not file.startswith(self.outside or ("//",))


def violations(package: Path, rules: Iterable[Rule]) -> list[str]:
    """Return a message for each violation; an exemption that exempts nothing is one, too."""
    files = [
        file
        for file in sorted(package.rglob("*.py"))
        if not BESIDE_THE_SERVICE & set(file.relative_to(package).parts)
    ]
    trees = {str(file.relative_to(package)): ast.parse(file.read_text("utf-8")) for file in files}
    return [text for rule in rules for text in _violations(package.name, trees, rule)]


def _violations(package: str, trees: Mapping[str, ast.Module], rule: Rule) -> Iterator[str]:
    exempt = set[str]()
    for file in filter(rule.holds_in, trees):
        for node, found in rule.find(trees[file]):
            if file in rule.exempt:
                exempt.add(file)
                continue
            line = getattr(node, "lineno", 1)
            yield (
                f"{package}/{file}:{line}: {rule.name}. Found {found}.\n"
                f"  why: {rule.why}\n  instead: {rule.instead}"
            )
    for file in rule.exempt.keys() - exempt:
        yield f"{package}/{file}: {rule.name}. It is exempt, and nothing in it needs to be."


# ---------------------------------------------------------------- SQL

# Upper-case, the first word gives it away; otherwise it takes a second one that prose lacks.
STATEMENT = re.compile(
    r"\s*\(?\s*(?:"
    r"(?:SELECT|INSERT|UPDATE|DELETE|WITH|TRUNCATE|LOCK|SET|CREATE|ALTER|DROP|COPY)\s+\S"
    r"|(?i:select\b.+\bfrom\b|insert\s+into\b|update\s+\S+\s+set\b|delete\s+from\b"
    r"|with\s+\w+\s+as\s*\()"
    r")",
    re.DOTALL,
)
BOUNDARY = re.compile(
    r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|START\s+TRANSACTION)\b\s*(;|$|[A-Z])",
    re.IGNORECASE,
)


def sql(tree: ast.Module) -> Iterator[Finding]:
    """Find texts that are statements."""
    for node, text in _texts(tree):
        if STATEMENT.match(text) or _is_boundary(text):
            yield node, f"SQL: {_beginning(text)}"


def transaction_sql(tree: ast.Module) -> Iterator[Finding]:
    """Find texts that begin or end a transaction."""
    for node, text in _texts(tree):
        if any(_is_boundary(part) for part in text.split(";")):
            yield node, f"SQL: {_beginning(text)}"


def _is_boundary(text: str) -> bool:
    words = text.split()
    return bool(BOUNDARY.match(text)) and (words[0].isupper() or len(words) == 1)


def _texts(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Return every text but docstrings; an f-string is one, with its values left out."""
    stack: list[ast.AST] = [tree]
    while stack:
        match node := stack.pop():
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Constant(value=str() as text):
                yield node, text
            case ast.JoinedStr(values=values):
                yield node, "".join(_literal(value) for value in values)
                stack += [value for value in values if isinstance(value, ast.FormattedValue)]
            case _:
                stack += ast.iter_child_nodes(node)


def _literal(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "…"


def _beginning(text: str) -> str:
    return repr(" ".join(text.split())[:40])


# ---------------------------------------------------------------- calls and names


def calls_of(*names: str) -> Callable[[ast.Module], Iterator[Finding]]:
    """Make a search for calls of methods with these names, such as `work.commit()`."""

    def find(tree: ast.Module) -> Iterator[Finding]:
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(attr=name)) if name in names:
                    yield node, f".{name}()"
                case _:
                    pass

    return find


def names_of(*names: str) -> Callable[[ast.Module], Iterator[Finding]]:
    """Make a search for parameters and variables with these names."""

    def find(tree: ast.Module) -> Iterator[Finding]:
        for node in ast.walk(tree):
            match node:
                case ast.arg(arg=name) | ast.Name(id=name) if name in names:
                    yield node, name
                case _:
                    pass

    return find


HTTP_NAMES = {"HTTPStatus", "HTTPException", "Request", "Response", "JSONResponse", "status_code"}
REFUSALS = {status.value for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST}


def http(tree: ast.Module) -> Iterator[Finding]:
    """Find HTTP's words, and its numbers where something is raised or is called a status."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name)
                | ast.Attribute(attr=name)
                | ast.arg(arg=name)
                | ast.keyword(arg=str() as name)
            ) if name in HTTP_NAMES:
                yield node, name
            case ast.Raise(exc=ast.expr() as raised):
                yield from _statuses(raised)
            case (
                ast.keyword(arg="status", value=value)
                | ast.Assign(targets=[ast.Name(id="status")], value=value)
            ):
                yield from _statuses(value)
            case _:
                pass


def _statuses(tree: ast.AST) -> Iterator[Finding]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=int() as number) if number in REFUSALS:
                yield node, f"the status {number}"
            case _:
                pass


# ---------------------------------------------------------------- routes

VERBS = {"get", "head", "post", "put", "patch", "delete", "api_route"}


def busy_routes(tree: ast.Module) -> Iterator[Finding]:
    """Find routes that do more than ask a service for one thing, and say it in HTTP."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and _is_route(node):
            yield from _too_much(node)


def _is_route(function: ast.AsyncFunctionDef | ast.FunctionDef) -> bool:
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="router"), attr=verb)):
                return verb in VERBS
            case _:
                pass
    return False


def _too_much(route: ast.AsyncFunctionDef | ast.FunctionDef) -> Iterator[Finding]:
    inside = [node for statement in route.body for node in ast.walk(statement)]
    for node in inside:
        match node:
            case ast.For() | ast.AsyncFor() | ast.While():
                yield node, f"a loop in {route.name}"
            case ast.With() | ast.AsyncWith() | ast.Try():
                yield node, f"a with or try in {route.name}"
            case _:
                pass
    if sum(isinstance(node, ast.Await) for node in inside) > 1:
        yield route, f"more than one await in {route.name}"


# ---------------------------------------------------------------- state

MUTABLE = {
    *("dict", "list", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter"),
    *("WeakKeyDictionary", "WeakValueDictionary", "count", "cycle"),
}
PRIMITIVES = {
    *("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Condition", "Barrier"),
    *("Queue", "LifoQueue", "PriorityQueue", "SimpleQueue", "TTLCache", "LRUCache"),
}


def shared_state(tree: ast.Module) -> Iterator[Finding]:
    """Find what a module or a class keeps for all who come: what is filled later, or waited for."""
    for node in ast.walk(tree):
        match node:
            case ast.Global(names=names):
                yield node, f"global {', '.join(names)}"
            case ast.Module(body=body):
                for statement in body:
                    yield from _kept(statement, constant=str.isupper)
            case ast.ClassDef(body=body):
                # In a class, a value that is there from the start is a field's default.
                for statement in body:
                    yield from _kept(statement, constant=bool)
            case _:
                pass


def _kept(statement: ast.stmt, constant: Callable[[str], bool]) -> Iterator[Finding]:
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ):
            # A constant has its content from the start. An empty one is there to be filled.
            filled = _is_mutable(value) and (_is_empty(value) or not constant(name))
            if name != "__all__" and (filled or _is_primitive(value)):
                yield statement, f"{name} = {ast.unparse(value)}"
        case _:
            pass


def _is_primitive(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and _called(value) in PRIMITIVES


def _is_mutable(value: ast.expr) -> bool:
    displays = ast.Dict | ast.List | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    return isinstance(value, displays) or (
        isinstance(value, ast.Call) and _called(value) in MUTABLE
    )


def _is_empty(value: ast.expr) -> bool:
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]) | ast.Set(elts=[]):
            return True
        case ast.Call(args=[], keywords=[]):
            return True
        case _:
            return False


def _called(call: ast.Call) -> str:
    """Name what is called: `Lock` for asyncio.Lock(), and `dict` for dict[str, int]()."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
        case _:
            return ""


# ---------------------------------------------------------------- ways around, and time


def late_imports(tree: ast.Module) -> Iterator[Finding]:
    """Find imports inside of functions, and those by a name that is worked out."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Import | ast.ImportFrom):
                        yield inner, f"an import in {name}()"
            case ast.Call() as call if _called(call) in {"import_module", "__import__"}:
                yield node, f"{_called(call)}()"
            case _:
                pass


def clocks(tree: ast.Module) -> Iterator[Finding]:
    """Find questions for the time of day; a stopwatch such as `monotonic` tells none."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=of) | ast.Attribute(attr=of), attr=name) if (
                of in {"datetime", "date"} and name in {"now", "utcnow", "today"}
            ) or (of == "time" and name in {"time", "time_ns", "gmtime", "localtime"}):
                yield node, f"{of}.{name}"
            case ast.ImportFrom(module="time", names=names):
                for each in names:
                    if each.name in {"time", "time_ns", "gmtime", "localtime"}:
                        yield node, f"time.{each.name}"
            case _:
                pass
