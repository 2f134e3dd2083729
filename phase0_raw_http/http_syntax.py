"""The grammar of a request, strict to the letter (RFC 9112), as pure functions on bytes.

Strict, because leniency is how request smuggling works: when a proxy and the server behind it
read the same bytes differently, an attacker hides a second request in the gap. Whatever is not
plainly valid is refused, and the connection is closed: after a message that cannot be understood
nobody knows where the next one begins.
"""

import re
from collections.abc import Sequence

from .errors import ServiceError
from .http_message import RequestLine

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
VERSION = re.compile(rb"HTTP/([0-9])\.([0-9])")
PATH_AND_QUERY = re.compile(
    rb"(/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*)(?:\?([A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*))?"
)
ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)
AUTHORITY = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]{0,5}))?"
)
BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
DIGITS = re.compile(rb"[0-9]+")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?")
MAX_CHUNK_LINE_BYTES = 1024

HIGHEST_PORT = 65535
SINGLE = frozenset({"content-length", "content-type", "host"})
"""Headers whose second appearance would contradict, or merely repeat, the first: refused."""


def malformed(detail: str) -> ServiceError:
    """Name a breach of the grammar."""
    return ServiceError("malformed_request", detail)


# --- the request line ---


def parse_request_line(line: bytes) -> RequestLine:
    """Read `METHOD SP target SP HTTP/x.y`: exactly two single spaces."""
    match line.split(b" "):
        case [method, target, version] if TOKEN.fullmatch(method):
            checked = parse_version(version)
            path, query = parse_target(method, target)
        case _:
            raise malformed("The request line must read: METHOD /path HTTP/1.1")
    return RequestLine(
        method.decode(),
        path.decode(),
        tuple(percent_decode(segment) for segment in path.split(b"/")[1:]),
        parse_query(query),
        checked,
    )


def parse_version(version: bytes) -> tuple[int, int]:
    """Read `HTTP/1.1`; another minor version is fine, another major one is another protocol."""
    found = VERSION.fullmatch(version)
    if not found:
        raise malformed("The request line must end with HTTP/1.1 or HTTP/1.0.")
    major, minor = int(found[1]), int(found[2])
    if major != 1:
        raise ServiceError("version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    return major, minor


def parse_target(method: bytes, target: bytes) -> tuple[bytes, bytes]:
    """Find path and query in one of the four forms of RFC 9112, section 3.2."""
    if method == b"CONNECT":  # authority-form: a request to become a tunnel
        raise ServiceError("not_implemented", "This server is no proxy: it does not CONNECT.")
    if target == b"*":
        if method != b"OPTIONS":
            raise malformed("Only OPTIONS may ask about the server as a whole with *.")
        return b"*", b""
    if absolute := ABSOLUTE_FORM.fullmatch(target):
        check_authority(absolute[1])
        if method == b"OPTIONS" and not absolute[2]:
            return b"*", b""
        target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    found = PATH_AND_QUERY.fullmatch(target)
    if not found:
        raise malformed("The request target must be a path such as /users?limit=5.")
    return found[1], found[2] or b""


def parse_query(query: bytes) -> tuple[tuple[str, str], ...]:
    """Read `name=Ada+L&limit=5`, as HTML forms write it (`+` is a space)."""
    pairs: list[tuple[str, str]] = []
    for piece in query.replace(b"+", b" ").split(b"&"):
        name, _, value = piece.partition(b"=")
        if piece:
            pairs.append((percent_decode(name), percent_decode(value)))
    return tuple(pairs)


def percent_decode(raw: bytes) -> str:
    """Turn `caf%C3%A9` into `café`; half an escape or bytes that are no UTF-8 are refused."""
    if BROKEN_ESCAPE.search(raw):
        raise malformed("In a URL, % must be followed by two hexadecimal digits.")
    try:
        return ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), raw).decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("A URL must be UTF-8 once its percent-escapes are decoded.") from None


# --- the header fields ---


def parse_fields(lines: Sequence[bytes]) -> dict[str, str]:
    """Read `Name: value` lines into a dict with lower-case names."""
    fields: dict[str, str] = {}
    for name, value in map(parse_field, lines):
        if name in fields and name in SINGLE:
            raise malformed(f"The header {name} must not be given twice.")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def parse_field(line: bytes) -> tuple[str, str]:
    """Read one `Name: value` line."""
    if line[:1] in {b" ", b"\t"}:
        # Long ago a header could go on in the next line ("obs-fold"). Some programs still join
        # such lines and some don't, which is reason enough to accept none.
        raise malformed("A header must stand on one line.")
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.fullmatch(name):
        raise malformed("A header must read Name: value, without a space before the colon.")
    if not FIELD_VALUE.fullmatch(value):
        raise malformed(f"The header {name.decode()} contains a control character.")
    return name.decode().lower(), value.strip(b" \t").decode("latin-1")


def check_host(version: tuple[int, int], fields: dict[str, str]) -> None:
    """Insist on the Host header, which HTTP/1.1 requires and HTTP/1.0 did not know."""
    if "host" in fields:
        check_authority(fields["host"].encode("latin-1"))
    elif version >= (1, 1):
        raise malformed("An HTTP/1.1 request must have a Host header.")


def check_authority(authority: bytes) -> None:
    """Accept `example.com`, `example.com:8000`, `127.0.0.1`, `[::1]:8000`."""
    found = AUTHORITY.fullmatch(authority)
    if not found or int(found[1] or 0) > HIGHEST_PORT:
        raise malformed("Host must be a host name or address, and a port if need be.")


# --- the body ---


def has_chunked_body(version: tuple[int, int], fields: dict[str, str]) -> bool:
    """Tell whether the body comes in chunks, rejecting every ambiguity about where it ends."""
    if "transfer-encoding" not in fields:
        return False
    if "content-length" in fields or version < (1, 1):
        raise malformed("Transfer-Encoding goes neither with Content-Length nor with HTTP/1.0.")
    # Not strip() alone: to Python 0xA0 is a space as well, and no proxy would see chunks there.
    codings = [code.strip(" \t").lower() for code in fields["transfer-encoding"].split(",")]
    if codings == ["chunked"]:
        return True
    if codings[-1] != "chunked" or codings.count("chunked") > 1:
        raise malformed("Transfer-Encoding must end with chunked, named once.")
    raise ServiceError("not_implemented", "The only Transfer-Encoding known here is chunked.")


def content_length(fields: dict[str, str], longest: int) -> int:
    """Return how many bytes of body follow; none if nothing is said."""
    digits = fields.get("content-length", "0").encode("latin-1")
    if not DIGITS.fullmatch(digits):
        raise malformed("Content-Length must be one number of bytes, in digits.")
    return checked_size(digits, 10, longest)


def parse_chunk_size(line: bytes, longest: int) -> int:
    """Read `1a;name=value`: a size in hexadecimal digits, and extensions, which are ignored."""
    found = CHUNK_LINE.fullmatch(line)
    if not found:
        raise malformed("A chunk must begin with its size in hexadecimal digits.")
    return checked_size(found[1], 16, longest)


def parse_chunk_data(data: bytes) -> bytes:
    """Take off the CR LF after the data, which shows that the size was true."""
    if not data.endswith(b"\r\n"):
        raise malformed("The data of a chunk must be as long as its size says, and end with CR LF.")
    return data[:-2]


def checked_size(digits: bytes, base: int, longest: int) -> int:
    """Turn digits into a size up to `longest`; a number of a million digits costs nothing."""
    significant = digits.lstrip(b"0") or b"0"
    if len(significant) > len(str(longest)) or int(significant, base) > longest:
        raise ServiceError("body_too_large", "The body is larger than this server accepts.")
    return int(significant, base)


def wants_continue(version: tuple[int, int], fields: dict[str, str]) -> bool:
    """Tell whether the client waits for `100 Continue` before it sends the body."""
    expectation = fields.get("expect", "").lower()
    if not expectation or version < (1, 1):
        return False
    if expectation != "100-continue":
        raise ServiceError("expectation_failed", "The only expectation met here is 100-continue.")
    return True
