"""What the `course` command tells a person instead of showing a traceback."""

from __future__ import annotations


class CourseError(Exception):
    """Something that the person in front of the screen can mend; the message says how."""
