"""`python3 -m shared.course`: see to the environment, then become the command inside it.

Standard library only, and free of new syntax, so that an old Python can still say what is wrong.
"""
# ruff: noqa: PLC0415 - what is imported inside functions, only a new enough Python or one inside
# the environment can import.

from __future__ import annotations

import shutil
import sys

NEEDED = (3, 11)


def main(arguments: list[str]) -> int:
    """Run the command that the arguments name, and return its exit code."""
    if sys.version_info < NEEDED:
        print(too_old(), file=sys.stderr)
        return 2
    if sys.platform == "win32":
        print("The course runs on Linux and macOS; on Windows, inside WSL.", file=sys.stderr)
        return 2
    return _run_bare(arguments) if arguments in (["doctor"], ["clean"]) else _run(arguments)


def too_old() -> str:
    """Say that this Python won't do, and which one on this machine would."""
    newer = next(filter(shutil.which, ("python3.13", "python3.12", "python3.11")), None)
    advice = f"Use the one here: make PYTHON={newer} phase0"
    version = ".".join(map(str, sys.version_info[:3]))
    return f"The course needs Python 3.11 or newer, and this is {version}. " + (
        advice if newer else "Install one: https://www.python.org/downloads/"
    )


def _run_bare(arguments: list[str]) -> int:
    """Run what must work where nothing can be built, and not build what it is to remove."""
    from shared.course import clean, doctor

    return doctor.doctor() if arguments == ["doctor"] else clean.clean()


def _run(arguments: list[str]) -> int:
    from shared.course import bootstrap
    from shared.course.errors import CourseError

    environment = bootstrap.Environment()
    try:
        bootstrap.ensure(environment)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    if not environment.entered():
        bootstrap.enter(environment, arguments)
    from shared.course import cli

    return cli.main()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
