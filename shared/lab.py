"""What an experiment is given: a database to throw away, servers, and places for what it finds."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from shared import development
from shared.phases import ROOT, Phase

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from shared.servers import Server

Cell = str | int | float | None
_SMALL = 10
_INCHES = (8, 4.5)


class Lab:
    """One run of one experiment; leaving it stops its servers and drops its database.

    Whatever is shown is written to `out` too: tables and notes as NAME.md, figures as SVG.
    """

    def __init__(self, phase: Phase, name: str, out: Path, *, quick: bool = False) -> None:
        self.phase = phase
        self.name = name
        self.out = out
        self.quick = quick
        self._console = Console(highlight=False)
        self._ending = ExitStack()
        self._report: list[str] = []
        self._pictures: list[Path] = []
        self._predictions: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        """Begin; everything is made when it is first asked for."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the servers, then drop the database."""
        self._ending.close()

    @cached_property
    def database_url(self) -> str:
        """A database of its own with the phase's schema; it is gone when the lab ends.

        Where the phase has admins, the first one is there.
        """
        from shared import databases, infra, servers  # noqa: PLC0415 - not every experiment has one

        url = self._ending.enter_context(databases.throwaway(infra.postgres(), self.phase))
        own = {**servers.inherited(), **self.environment, "DATABASE_URL": url}
        development.make_admin(self.phase, own)
        return url

    @cached_property
    def environment(self) -> dict[str, str]:
        """What the phase's services are given here: the lab's own secrets, no OpenID provider."""
        return development.fresh(self.phase)

    def serve(
        self,
        module: str | None = None,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Server:
        """Start the phase's service, or another module, as a real process on a free port."""
        from shared import servers  # noqa: PLC0415 - the same

        own = dict(self.environment)
        if self.phase.needs_postgres:
            own["DATABASE_URL"] = self.database_url
        server = servers.start(module or self.phase.package, args, {**own, **(env or {})})
        return self._ending.enter_context(server)

    def predict(self, question: str) -> None:
        """Put the question whose answer is to be written down before the run, and wait for it."""
        self._console.print(f"\n[bold]Predict:[/] {escape(question)}")
        if sys.stdin.isatty() and sys.stdout.isatty():
            self._predictions.append((question, input("Your answer: ")))

    def note(self, text: str) -> None:
        """Say something in Markdown."""
        self._console.print(Markdown(text))
        self._report.append(text)

    def block(self, title: str, text: str) -> None:
        """Show text as it is: a plan, a request, a log."""
        self.note(f"**{title}**\n\n```text\n{text.rstrip()}\n```")

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Show a table; numbers are aligned to the right and rounded to what matters."""
        cells = [[written(cell) for cell in row] for row in rows]
        numeric = [_is_numeric(cell) for cell in cells[0]] if cells else [False] * len(columns)
        table = Table(title=escape(title), title_justify="left")
        for column, right in zip(columns, numeric, strict=True):
            table.add_column(escape(column), justify="right" if right else "left")
        for row in cells:
            table.add_row(*map(Text, row))
        self._console.print(table)
        self._report.append(_markdown_table(title, columns, numeric, cells))

    @contextmanager
    def figure(self, name: str | None = None) -> Generator[Figure]:
        """Give a figure to draw on; it becomes an SVG that is the same for the same data."""
        os.environ.setdefault("MPLCONFIGDIR", str(ROOT / ".labs" / "matplotlib"))
        import matplotlib as mpl  # noqa: PLC0415 - slow, and not every experiment draws
        from matplotlib.figure import Figure  # noqa: PLC0415

        figure = Figure(figsize=_INCHES, layout="constrained")
        yield figure
        picture = self._path(f"{name or self.name}.svg")
        # matplotlib's types are partial: `PathLike` and the keywords of savefig are unknown.
        with mpl.rc_context({"svg.hashsalt": picture.name}):  # pyright: ignore[reportUnknownMemberType]
            figure.savefig(picture, format="svg", metadata={"Date": None})  # pyright: ignore[reportUnknownMemberType]
        self._pictures.append(picture)
        self._report.append(f"![{picture.stem}]({picture.name})")

    def conclude(self, heading: str, origin: str) -> list[Path]:
        """Hold the predictions against the results, write the report, name what was written."""
        for question, answer in self._predictions:
            self._console.print(
                f"\n[dim]{escape(question)}[/]\n[bold]You wrote:[/] {escape(answer)}"
            )
        report = self._path(f"{self.name}.md")
        parts = [f"# {heading}", *self._report, origin]
        report.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
        return [*self._pictures, report]

    def _path(self, name: str) -> Path:
        self.out.mkdir(parents=True, exist_ok=True)
        return self.out / name


def written(cell: Cell) -> str:
    """Write a value as a person would: 12,345 and 0.24, but not 0.2389117."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.2f}" if abs(cell) < _SMALL else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def _is_numeric(cell: str) -> bool:
    return cell.lstrip("-")[:1].isdigit()


def _markdown_table(
    title: str, columns: Sequence[str], numeric: Sequence[bool], rows: Sequence[Sequence[str]]
) -> str:
    ruler = ["---:" if right else "---" for right in numeric]
    lines = [_markdown_row(row) for row in (columns, ruler, *rows)]
    return f"**{title}**\n\n" + "\n".join(lines)


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
