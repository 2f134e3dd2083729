"""One request and its answer, kept so that a failure can show both and replay them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, NoReturn
from urllib.parse import quote

LONGEST_SHOWN = 400
"""Bytes of a body worth reading in a terminal."""

LONGEST_SUMMARY = 160
"""Bytes of the body of an earlier answer."""

LONGEST_REPLAYED = 2000
"""Bytes of a body that still fit in a line to be copied."""


class Mismatch(AssertionError):
    """The server did something else than expected; the message points at the difference."""

    def __init__(self, message: str, answer: Answer | None = None) -> None:
        super().__init__(message)
        self.answer = answer


class Overdue(Mismatch):
    """No complete answer came within the time a request may take."""


class NoAnswer(Mismatch):
    """The connection was refused or broke off, or what came is no HTTP."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a client library sends it."""

    base_url: str
    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def replay(self) -> str:
        """Write the request as a curl line for a shell."""
        method = ["--head"] if self.method == "HEAD" else ["-i", "-X", self.method]
        headers = (f"-H {shell_quoted(f'{name}: {value}')}" for name, value in self.headers.items())
        data = [f"--data-binary {shell_quoted(_text(self.content))}"] if self.content else []
        url = shell_quoted(self.base_url + self.target)
        # --globbing would read brackets in a query as a pattern, --path-as-is keeps `..`.
        return " ".join(["curl --globoff --path-as-is", *method, *headers, *data, url])


@dataclass(frozen=True, slots=True)
class RawRequest:
    """Bytes as they are, on a connection of their own."""

    host: str
    port: int
    content: bytes

    def replay(self) -> str:
        """Write the bytes as a printf into netcat: curl would refuse to send most of them."""
        escaped = "".join(_printf_escaped(byte) for byte in self.content[:LONGEST_SHOWN])
        rest = len(self.content) - LONGEST_SHOWN
        note = f"  # and {rest} bytes more" if rest > 0 else ""
        return f"printf '{escaped}' | nc {self.host} {self.port}{note}"


class Headers(Mapping[str, str]):
    """Fields by name in any case; several of one name are joined by commas (RFC 9110, 5.3)."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def all(self, name: str) -> list[str]:
        """Every value that was sent under this name."""
        return [value for known, value in self._pairs if known == name.lower()]

    def __getitem__(self, name: str) -> str:
        """Look up a field that must be there."""
        if name not in self:
            raise Mismatch(f"header {name}: expected, but the answer has none")
        return ", ".join(self.all(name))

    def __contains__(self, name: object) -> bool:
        """Tell whether a field was sent."""
        return any(known == str(name).lower() for known, _ in self._pairs)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as Mapping.get
        """Look up a field, or answer the default."""
        return ", ".join(self.all(name)) if name in self else default

    def __iter__(self) -> Iterator[str]:
        """List each name once."""
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        """Count the names."""
        return len(dict(self._pairs))


class Members(dict[str, Any]):
    """A JSON object that says what it has when asked for what it hasn't."""

    def __missing__(self, name: str) -> NoReturn:
        """Say which members there are instead."""
        raise Mismatch(f"member {name!r}: expected, but there are only {sorted(self) or 'none'}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: status, headers (names in any case) and body."""

    status: int
    headers: Headers
    body: bytes
    request: Request | RawRequest

    @property
    def media_type(self) -> str:
        """Content-Type in lower case without parameters."""
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """Parse the body, which must be JSON and say so."""
        if self.media_type != "application/json" and not self.media_type.endswith("+json"):
            shown = self.headers.get("Content-Type", "none")
            raise Mismatch(
                f"Content-Type: expected JSON, got {shown}, with {excerpt(self.body)}", self
            )
        try:
            return json.loads(self.body, object_pairs_hook=Members, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            words = f"body: expected JSON, got {excerpt(self.body)} ({error})"
            raise Mismatch(words, self) from None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked and what came: an answer, or the words for why there is none."""

    request: Request | RawRequest
    outcome: Answer | str

    @property
    def changed_something(self) -> bool:
        """Whether a later answer may depend on this exchange."""
        safe = {"GET", "HEAD", "OPTIONS"}
        return isinstance(self.request, RawRequest) or self.request.method not in safe

    def summary(self) -> str:
        """Say in a few words what came back."""
        if isinstance(self.outcome, str):
            return self.outcome
        return f"{self.outcome.status} {excerpt(self.outcome.body, LONGEST_SUMMARY)}"


def content_type_parameters(value: str) -> dict[str, str]:
    """Split what follows the media type into parameters."""
    message = Message()
    message["Content-Type"] = value
    return dict(message.get_params([])[1:])


def excerpt(body: bytes, longest: int = LONGEST_SHOWN) -> str:
    """Show a body, or its beginning."""
    if not body:
        return "an empty body"
    if len(body) <= longest:
        return body.decode(errors="backslashreplace")
    return f"{body[:longest].decode(errors='ignore')}… ({len(body)} bytes)"


def ascii_target(path: str) -> str:
    """Percent-encode only what cannot stand in a request line; everything else goes as written."""
    return quote(path, safe="".join(map(chr, range(0x21, 0x7F))), errors="surrogatepass")


def shell_quoted(text: str) -> str:
    """Quote for a shell; control characters need the $'…' form."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(c if c.isprintable() else _hex_escapes(c) for c in escaped) + "'"


def _hex_escapes(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))


def _text(content: bytes) -> str:
    if len(content) <= LONGEST_REPLAYED:
        return content.decode(errors="surrogateescape")
    shown = content[:LONGEST_SHOWN].decode(errors="ignore")
    return f"{shown}… and {len(content) - LONGEST_SHOWN} bytes more"


def _printf_escaped(byte: int) -> str:
    known = {0x0D: r"\r", 0x0A: r"\n", 0x25: "%%", 0x5C: r"\\", 0x27: r"\047"}
    return known.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
