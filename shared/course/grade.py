"""`course grade`: holds a phase's contract against any server, in any language.

Exit codes: 0 every check passed; 1 a check failed; 2 wrong use; 3 none failed, but one took too
long; 4 nothing to grade (not there, hangs, speaks no HTTP, answers the same to everything);
5 the grader itself is at fault; 130 interrupted. (make turns every code but 0 into its own 2.)

With `--cmd` the command gets HOST, PORT and, where the phase keeps data, DATABASE_URL: a database
of its own, made from the phase's schema.sql and without rows. Bring your own tables by beginning
with DROP SCHEMA public CASCADE; CREATE SCHEMA public. It also gets what stands in the phase's
development.env, secrets included.

Where a phase has admins, the checks are told who the first one is, by ADMIN_EMAIL and
ADMIN_PASSWORD: those of our environment, else those of development.env. A command that is started
for the grading sees to that admin itself, before it serves.

A server that wants to know who is asking can be held against a phase that didn't: then a later
phase's contract asks the same questions, with tokens.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from shared import databases, development, infra
from shared.course import subject as subjects
from shared.course.checks import run_checks
from shared.course.report import Report, harmless
from shared.course.verdicts import GRADER_ERROR, INTERRUPTED, NOT_GRADABLE, WRONG_USE
from shared.phases import ROOT, Phase, all_phases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shared.course.subject import Subject

TOTAL = 900.0
"""Seconds that a grading may take."""


def grade(
    phase: Phase,
    *,
    url: str | None = None,
    cmd: str | None = None,
    only: Sequence[str] = (),
    everything: bool = False,
) -> int:
    """Grade a server and return the exit code; `only` names checks or beginnings of their ids."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        with ExitStack() as stack:
            server = _subject(stack, phase, url, cmd)
            remark = subjects.look_at(server)
            contract, checks = phase, list(only)
            if (later := _speaking_for(phase)) and subjects.wants_to_know_who_asks(server):
                contract, checks = later, checks or [f"P{phase.number}"]
                remark = f"{remark} {_of_identity(later)}".strip()
            return _graded(
                contract, server, checks, Report(console, phase, server, remark, everything)
            )
    except subjects.WrongUse as error:
        return _ended(console, "Wrong use", str(error), WRONG_USE)
    except subjects.NotGradable as error:
        return _ended(console, "Nothing to grade", str(error), NOT_GRADABLE)
    except (infra.InfraError, databases.DatabaseError, development.Unprepared) as error:
        return _ended(console, "Grader error", str(error), GRADER_ERROR)
    except KeyboardInterrupt:
        return _ended(console, "Interrupted", "What was started is stopped.", INTERRUPTED)


def _speaking_for(phase: Phase) -> Phase | None:
    """Find the phase whose contract asks this one's questions of a server that knows people."""
    questions = f"shared.contracts.phase{phase.number}."
    later = (each for each in all_phases() if each.number > phase.number and each.makes_admin)
    asking = (each for each in later if _contract(each).exists())
    return next((each for each in asking if questions in _contract(each).read_text("utf-8")), None)


def _of_identity(later: Phase) -> str:
    return (
        f"It wants to know who is asking. So the checks speak as phase {later.number}'s contract "
        "has them, for an admin and for buyers; those in which anybody orders for anybody are left "
        "out."
    )


def _contract(phase: Phase) -> Path:
    return ROOT / "shared" / "contracts" / f"phase{phase.number}" / "__init__.py"


def _graded(phase: Phase, server: Subject, only: Sequence[str], report: Report) -> int:
    contract = _contract(phase)
    if not contract.exists():
        raise subjects.WrongUse(f"Phase {phase.number} has no contract.")
    arguments = [str(contract), "-o", "python_files=__init__.py", f"--url={server.url}"]
    arguments += [f"--check={check}" for check in only]
    if server.output:
        arguments.append(f"--server-output={server.output}")
    with report:
        results = run_checks(arguments, seconds=TOTAL, watch=report.watch, env=_admin(phase))
    report.summary(results)
    return results.exit_code


def _subject(stack: ExitStack, phase: Phase, url: str | None, cmd: str | None) -> Subject:
    if url and not cmd:
        return subjects.running(url)
    if cmd and not url:
        variables = stack.enter_context(development.running(phase))
        if phase.needs_postgres:
            variables["DATABASE_URL"] = _database(stack, phase)
        return stack.enter_context(subjects.started(cmd, variables))
    raise subjects.WrongUse(
        "Say what to grade, one of the two:\n"
        f"  make grade PHASE={phase.number} URL=http://127.0.0.1:3000\n"
        f'  make grade PHASE={phase.number} CMD="node server.js"'
    )


def _admin(phase: Phase) -> dict[str, str]:
    """Return what a check may know of the server beyond its address: who is its first admin."""
    known = development.kept(phase)
    return {name: known[name] for name in development.FIRST_ADMIN if name in known}


def _database(stack: ExitStack, phase: Phase) -> str:
    return stack.enter_context(databases.throwaway(infra.postgres(), phase))


def _ended(console: Console, title: str, words: str, code: int) -> int:
    console.print(f"[bold red]{title}.[/] {escape(harmless(words))}")
    return code
