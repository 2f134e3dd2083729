"""The lesson, followed word by word: every command in it does what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import lessons

if TYPE_CHECKING:
    from shared.phases import Phase
    from shared.servers import Server


def test_the_lesson_says_what_happens(phase: Phase, server: Server) -> None:
    lessons.follow(phase, server.url)
