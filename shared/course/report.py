"""Shows a grading: progress while it runs, each failure with all it takes to mend it, a summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from shared.course.verdicts import WORDS, Results, Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from shared.course.subject import Subject
    from shared.phases import Phase

STYLES = {"pass": "green", "fail": "red", "timeout": "yellow", "skipped": "dim", "error": "magenta"}
SIGNS = {"fail": "✗", "timeout": "⧖", "skipped": "-", "error": "!"}
_IN_FULL = 10
_LINES_OF_OUTPUT = 12
_MARGIN = 13


class Report:
    """The face of one grading."""

    def __init__(
        self,
        console: Console,
        phase: Phase,
        server: Subject,
        remark: str,
        everything: bool,  # noqa: FBT001 - handed through from the command line
    ) -> None:
        self._console = console
        self._title = f"Phase {phase.number} at {server.url}"
        self._remark = remark
        self._in_full = 10_000 if everything else _IN_FULL
        self._shown = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Say what is graded and begin to show progress."""
        self._console.print(Text(f"Grading {self._title}", style="bold"))
        if self._remark:
            self._console.print(Text(self._remark, style="yellow"))
        self._progress.start()
        self._task = self._progress.add_task("collecting checks", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        """Take the progress away."""
        self._progress.stop()

    def watch(self, event: dict[str, Any]) -> None:
        """Move on with what the reporter tells."""
        if self._task is None:
            return
        match event["event"]:
            case "plan":
                self._progress.update(self._task, total=len(event["checks"]))
            case "begin":
                self._progress.update(self._task, description=event["id"])
            case "verdict":
                self._progress.advance(self._task)
                self._show(Verdict.from_event(event))
            case _:
                pass

    def summary(self, results: Results) -> None:
        """Count the verdicts and say what they amount to."""
        self._show_skipped(results)
        table = Table.grid(padding=(0, 2))
        for kind, words in WORDS.items():
            if count := results.count(kind):
                table.add_row(Text(str(count), style=STYLES[kind]), words)
        self._console.print()
        self._console.print(table)
        self._console.print(_conclusion(results))
        if self._shown > self._in_full:
            self._console.print(f"The first {self._in_full} are shown in full; ALL=1 shows all.")

    def _show(self, verdict: Verdict) -> None:
        if verdict.verdict in {"pass", "skipped"}:
            return
        self._shown += 1
        if self._shown > self._in_full:
            self._console.print(_headline(verdict))
            return
        self._console.print()
        self._console.print(_headline(verdict))
        for name, text in (
            (WORDS[verdict.verdict], verdict.message),
            ("hint", verdict.hint),
            ("server", _last_lines(verdict.output)),
        ):
            if text:
                self._console.print(_labelled(name, text))
        # As they are, from the left margin and unwrapped, so that they can be copied.
        for line in verdict.replay:
            self._console.print(Text(harmless(line), style="dim" if line[0] == "#" else "cyan"))

    def _show_skipped(self, results: Results) -> None:
        reasons: dict[str, list[str]] = {}
        for verdict in results.verdicts:
            if verdict.verdict == "skipped":
                reasons.setdefault(verdict.message, []).append(verdict.id)
        for reason, checks in reasons.items():
            self._console.print(Text(f"- skipped: {reason}: {', '.join(checks)}", style="dim"))


def _headline(verdict: Verdict) -> Text:
    sign = f"{SIGNS[verdict.verdict]} {verdict.id}  "
    return Text.assemble((sign, f"bold {STYLES[verdict.verdict]}"), (verdict.sentence, "bold"))


def harmless(text: str) -> str:
    """Show control characters: a terminal would obey those that a server smuggles in."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _labelled(name: str, text: str) -> Text:
    """Write a label and, beside it, lines that align."""
    lines = harmless(text).replace("\n", f"\n{' ' * _MARGIN}")
    return Text.assemble((f"  {name:<{_MARGIN - 2}}", "dim"), lines)


def _last_lines(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-_LINES_OF_OUTPUT:])


def _conclusion(results: Results) -> Text:
    if results.trouble:
        words = "The grader itself is at fault, not your server. Please report what it says:\n"
        return Text(words + harmless(results.trouble), style="magenta")
    if not results.planned:
        return Text("No check goes by that name.", style="magenta")
    if results.exit_code == 0:
        return Text("Every check passed.", style="bold green")
    return Text("Not yet. Begin with the first one above: later ones may follow from it.")
