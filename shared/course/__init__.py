"""The `course` command: every `make` target is one line that calls it."""
