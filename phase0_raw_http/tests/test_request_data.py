"""Bodies and queries: what is read, what is refused, and with which code."""

import pytest

from phase0_raw_http.errors import ServiceError
from phase0_raw_http.http_message import Request, encode_json
from phase0_raw_http.http_syntax import parse_request_line
from phase0_raw_http.request_data import JSON, MERGE_PATCH, read_id, read_json, read_query
from phase0_raw_http.validation import POST, POST_LIST, USER, find_errors


def request(body: bytes = b"", target: str = "/", **headers: str) -> Request:
    """Make a request with a JSON body, unless `headers` say otherwise."""
    line = parse_request_line(f"POST {target} HTTP/1.1".encode())
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(line, {"content-length": "1", "content-type": JSON, **given}, body)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"{]", b"'a'", b"[1,]", b"{} {}", b"nul", b"01", b'"\x01"'),
        *(b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"9" * 5000),
        *(b"\xff", b'"\xc3"', b"\xef\xbb\xbf{}", '{"a": 1}'.encode("utf-16")),
        *(b"[" * 100_000, b'{"a":' * 100_000),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(ServiceError) as error:
        read_json(request(body), JSON)

    assert error.value.code == "malformed_json"


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": ""},
        {"content_type": "text/plain"},
        {"content_type": "application/jsonp"},
        {"content_type": "application/json, text/plain"},
        {"content_type": "application/json; charset=latin-1"},
        {"content_type": 'application/json;Charset="UTF-16"'},
        {"content_type": MERGE_PATCH},
        {"content_encoding": "gzip"},
    ],
)
def test_another_media_type_is_unsupported(headers: dict[str, str]) -> None:
    with pytest.raises(ServiceError) as error:
        read_json(request(b"{}", **headers), JSON)

    assert error.value.code == "unsupported_media_type"


@pytest.mark.parametrize(
    "media_type",
    ["Application/JSON", "application/json ; charset=UTF-8", f'{JSON};charset="utf-8"'],
)
def test_json_may_be_announced_in_any_case_and_as_utf_8(media_type: str) -> None:
    assert read_json(request(b'"\xe2\x82\xac"', content_type=media_type), JSON) == "€"


def test_a_body_without_a_length_is_asked_for_one_for_the_last_time() -> None:
    line = parse_request_line(b"POST / HTTP/1.1")

    with pytest.raises(ServiceError) as error:
        read_json(Request(line, {"content-type": JSON}), JSON)

    assert error.value.code == "length_required"
    assert error.value.headers == {"Connection": "close"}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("limit=0", ["limit"]),
        ("limit=101&offset=-1", ["limit", "offset"]),
        ("limit=", ["limit"]),
        ("limit", ["limit"]),
        ("limit=1.0", ["limit"]),
        ("limit=%2B1", ["limit"]),
        ("limit=01", ["limit"]),
        ("limit=%D9%A3", ["limit"]),
        ("limit=" + "9" * 5000, ["limit"]),
        ("offset=1000001", ["offset"]),
        ("limit=1&limit=1", ["limit"]),
        ("title=", ["title"]),
        ("title=%00", ["title"]),
        ("user_id=0", ["user_id"]),
        ("user_id=9223372036854775808", ["user_id"]),
        ("sort=body&colour=red", ["colour", "sort"]),
        ("sort=", ["sort"]),
        ("sort=--id", ["sort"]),
        ("=1", [""]),
    ],
)
def test_a_bad_query_names_every_bad_parameter(query: str, fields: list[str]) -> None:
    with pytest.raises(ServiceError) as error:
        read_query(request(target=f"/posts?{query}"), POST_LIST)

    assert error.value.code == "invalid_query"
    assert [wrong["field"] for wrong in error.value.errors] == fields


def test_a_good_query_has_numbers_where_numbers_are_meant() -> None:
    target = "/posts?user_id=9223372036854775807&title=7&sort=-title&limit=100&offset=0"

    assert read_query(request(target=target), POST_LIST) == {
        "user_id": 2**63 - 1,
        "title": "7",
        "sort": "-title",
        "limit": 100,
        "offset": 0,
    }


@pytest.mark.parametrize(
    "text", ["", "0", "01", "-1", "+1", "1.0", "abc", " 1", "1\n", "٣", "9223372036854775808"]
)
def test_what_cannot_be_an_id_is_the_id_of_nothing(text: str) -> None:
    with pytest.raises(ServiceError) as error:
        read_id(text, "user")

    assert error.value.code == "user_not_found"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": "Ada", "email": "a@b.cd"}, []),
        ({"name": "x" * 100, "email": "a" * 248 + "@b.com"}, []),
        ({"name": "x" * 101, "email": "a" * 249 + "@b.com"}, ["email", "name"]),
        ({"name": "", "email": "a@b"}, ["email", "name"]),
        ({"name": " \t\n", "email": "@b.cd"}, ["email", "name"]),
        ({"name": "a\0", "email": "a@b..cd"}, ["email", "name"]),
        ({"name": "\ud800", "email": "a@b.cd."}, ["email", "name"]),
        ({"name": 1, "email": None}, ["email", "name"]),
        ({"name": "Ada", "email": "a b@c.de"}, ["email"]),
        ({"name": "Ada", "email": "a@b@c.de"}, ["email"]),
        ({"name": "Ada", "email": "a@b.cd\n"}, ["email"]),
        ({"name": "Ada", "id": 1}, ["email", "id"]),
    ],
)
def test_a_user_is_checked_field_by_field(fields: dict[str, object], wrong: list[str]) -> None:
    assert [error["field"] for error in find_errors(fields, USER, USER)] == wrong


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"user_id": 1, "title": "x" * 200, "body": ""}, []),
        ({"user_id": 1, "title": "😀" * 200, "body": "\n" * 10_000}, []),
        ({"user_id": True, "title": "x" * 201, "body": "x" * 10_001}, ["body", "title", "user_id"]),
        ({"user_id": 1.0, "title": "x", "body": None}, ["body", "user_id"]),
        ({"user_id": "1", "title": [], "body": {}}, ["body", "title", "user_id"]),
        ({"user_id": 2**63, "title": "x", "body": "\0"}, ["body", "user_id"]),
    ],
)
def test_a_post_is_checked_field_by_field(fields: dict[str, object], wrong: list[str]) -> None:
    assert [error["field"] for error in find_errors(fields, POST, POST)] == wrong


def test_half_a_character_leaves_as_the_escape_it_came_as() -> None:
    assert encode_json({"é": "\ud83d"}) == b'{"\xc3\xa9": "\\ud83d"}'
