"""Compare two runs of the suites, written with --junitxml: which tests, and how each ended.

With a third argument, "part", the second run is one of fewer tests: each of them has to be among
the first run's, and to have ended the same way.

What is about one way of running alone stands in a module of its own, named here.
"""

import sys
from collections import defaultdict
from xml.etree import ElementTree as ET

ONE_WAY_ONLY = "shared.tests.test_containers"


def main(one: str, other: str, extent: str = "whole") -> int:
    """Print every difference; the exit code is 1 if there is any."""
    first, second = verdicts(one), verdicts(other)
    if extent == "part":
        first = {name: first[name] for name in first.keys() & second.keys()}
    differing = sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )
    for name in differing:
        print(f"{name}: {first.get(name, 'absent')} / {second.get(name, 'absent')}")
    if not differing:
        print(f"The same {len(first)} tests ended the same way in both runs.")
    return 1 if differing or not first else 0


def verdicts(path: str) -> dict[str, str]:
    """Read how each test of a run ended; one that also failed in its teardown has two words."""
    endings: defaultdict[str, list[str]] = defaultdict(list)
    for case in ET.parse(path).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        if case.get("classname") != ONE_WAY_ONLY:
            endings[f"{case.get('classname')}::{case.get('name')}"].append(_ending(case))
    return {name: ", ".join(sorted(words)) for name, words in endings.items()}


def _ending(case: ET.Element) -> str:
    return next(
        (child.tag for child in case if child.tag in {"failure", "error", "skipped"}), "passed"
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
