"""The `course` command: one thin function per verb; each loads only what it needs."""
# ruff: noqa: PLC0415 - a command must not wait for the imports of the others

from __future__ import annotations

import sys
from typing import Annotated

import typer

from shared.phases import Phase, UnknownPhase, all_phases, find_phase

app = typer.Typer(
    name="course",
    help="Serve, test, break, grade and compare the phases of the course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> int:
    """Run the command; what a person can mend is told in words and not as a traceback."""
    try:
        app(prog_name="course")
    except Exception as error:
        if not isinstance(error, _errors_for_people()):
            raise
        typer.secho(str(error), fg="red", err=True)
    return 1  # a command that ends well has raised SystemExit


def _errors_for_people() -> tuple[type[Exception], ...]:
    """Return the errors whose message is written for the person; loaded when there is one."""
    from shared.course.errors import CourseError
    from shared.databases import DatabaseError
    from shared.development import Unprepared
    from shared.infra import InfraError
    from shared.servers import ServerError

    return CourseError, DatabaseError, InfraError, ServerError, UnknownPhase, Unprepared


def _phase(which: str) -> Phase:
    try:
        return find_phase(which)
    except UnknownPhase as error:
        raise typer.BadParameter(str(error)) from error


_A_PHASE = typer.Argument(metavar="PHASE", parser=_phase, help="its number or its name")
PhaseArgument = Annotated[Phase, _A_PHASE]
_A_PORT = typer.Option(envvar="PORT", min=1, max=65535, help="instead of 8000 + N")
PortOption = Annotated[int | None, _A_PORT]


@app.command()
def run(
    phase: PhaseArgument,
    *,
    port: PortOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="begin with an empty database")] = False,
) -> None:
    """Serve a phase with all it needs until Ctrl-C."""
    from shared.course import run as runner

    raise typer.Exit(runner.run(phase, port=port or phase.port, fresh=fresh))


@app.command("test", context_settings={"ignore_unknown_options": True})
def run_suites(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PHASE] [PYTEST ARGUMENTS]", help="a phase, then as for pytest"),
    ] = None,
) -> None:
    """Run every suite, or one phase's."""
    from shared.course import suites

    suites.test(arguments or [])


@app.command()
def watch(phase: PhaseArgument) -> None:
    """Run a phase's unit suite at once, and again at each save, until Ctrl-C."""
    from shared.course import watch as watching

    raise typer.Exit(watching.watch(phase))


@app.command()
def check() -> None:
    """Check format, lint, types, import fences, SQL style, lessons and the lock file."""
    from shared.course import check as checks

    raise typer.Exit(checks.check())


@app.command()
def grade(
    phase: PhaseArgument,
    *,
    url: Annotated[str | None, typer.Option(help="a server that is running")] = None,
    cmd: Annotated[str | None, typer.Option(help="a command that starts one on $PORT")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="these checks: ids or how they begin; repeatable")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="every failure in full, not the first ten")
    ] = False,
) -> None:
    """Grade any server, in any language, against a phase's contract.

    Exit codes: 0 every check passed; 1 a check failed; 2 wrong use; 3 none failed, but one took
    too long; 4 nothing to grade: not there, hangs, speaks no HTTP, the same answer to everything;
    5 the grader itself is at fault; 130 interrupted.

    A --cmd gets HOST, PORT and, where the phase keeps data, DATABASE_URL: a database of its own
    with the phase's schema.sql applied and no rows in it. Besides, it gets what stands in the
    phase's development.env. Where there are admins, ADMIN_EMAIL and ADMIN_PASSWORD say who is the
    first; for a server at --url, set them to one that it has.
    """
    import signal

    from shared.course import grade as grader

    # A kill ends a grading as Ctrl-C does: the server that was started is stopped as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code = grader.grade(phase, url=url, cmd=cmd, only=only or [], everything=everything)
    raise typer.Exit(code)


@app.command()
def bugs(phase: PhaseArgument) -> None:
    """Prove that every planted bug of a phase is caught by a named check."""
    import signal

    from shared.course import bugs as planted

    # A kill ends it as Ctrl-C does: the copies are removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise typer.Exit(planted.kill_matrix(phase))


@app.command()
def hunt(
    phase: PhaseArgument,
    *,
    port: PortOption = None,
    seed: Annotated[int | None, typer.Option(help="repeat the hunt of this number")] = None,
    hint: Annotated[int | None, typer.Option(help="show this hint on the last hunt's bug")] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="tell what the bug was")] = False,
) -> None:
    """Serve a phase with one bug that you don't know."""
    from shared.course import hunt as hunting

    code = hunting.hunt(phase, port=port or phase.port, seed=seed, hint=hint, reveal=reveal)
    raise typer.Exit(code)


@app.command(context_settings={"ignore_unknown_options": True})
def do(
    phase: PhaseArgument,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="none: list them")] = None,
    arguments: Annotated[list[str] | None, typer.Argument(help="the command's own")] = None,
) -> None:
    """List a phase's commands besides its service, or run one where it is served."""
    from shared.course import commands

    if name is None:
        raise typer.Exit(commands.show(phase))
    commands.do(phase, name, arguments or [])


@app.command()
def psql(
    phase: PhaseArgument,
    *,
    sql: Annotated[str | None, typer.Option(help="run this and end")] = None,
) -> None:
    """Look into the database that a phase serves from, with psql."""
    from shared.course import psql as client

    client.psql(phase, sql)


@app.command()
def lab(
    phase: PhaseArgument,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="none: list them")] = None,
    *,
    save: Annotated[bool, typer.Option("--save", help="keep the results for the lesson")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="small sizes, to see it work")] = False,
) -> None:
    """List a phase's experiments, or run one."""
    from shared.course import labs

    raise typer.Exit(labs.run(phase, name, save=save, quick=quick) if name else labs.show(phase))


@app.command()
def bench(
    phase: PhaseArgument,
    *,
    seconds: Annotated[float | None, typer.Option(min=0.5, help="of each measurement")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="in which all take turns")] = None,
) -> None:
    """Measure a phase's throughput beside its peers."""
    from shared import bench as benchmark

    raise typer.Exit(benchmark.run(phase, seconds=seconds, rounds=rounds))


@app.command()
def diff(
    before: PhaseArgument,
    after: PhaseArgument,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="the README, labs, tests and bugs too")
    ] = False,
) -> None:
    """Show how one phase became the next."""
    from shared.course import diff as comparison

    raise typer.Exit(comparison.diff(before, after, everything=everything))


@app.command()
def phases() -> None:
    """List the phases that there are."""
    for phase in all_phases():
        typer.echo(f"{phase.number}  {phase.package:<18} {phase.title}")


@app.command()
def doctor() -> None:
    """Say what is missing and the command that fixes it."""
    from shared.course import doctor as examination

    raise typer.Exit(examination.doctor())


@app.command()
def down(
    *,
    data: Annotated[bool, typer.Option("--data", help="remove their data as well")] = False,
) -> None:
    """Stop the backing services that this checkout started."""
    from shared import infra

    stopped = infra.down()
    typer.echo(f"Stopped {', '.join(stopped)}." if stopped else "No service was running.")
    if data:
        infra.remove()


@app.command()
def clean() -> None:
    """Remove everything that a run made."""
    from shared.course import clean as cleaning

    raise typer.Exit(cleaning.clean())


@app.command()
def lock(
    *,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="take the newest versions")] = False,
) -> None:
    """Pin every package again after a change in pyproject.toml."""
    from shared.course import lock as locking

    raise typer.Exit(locking.lock(upgrade=upgrade))


if __name__ == "__main__":  # from inside the environment, whatever it was built from
    sys.exit(main())
