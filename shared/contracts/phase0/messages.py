"""Requests and answers as such: methods, paths, status codes, media types, JSON."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from shared.contracts.kit import Api, Mismatch, check, expect, expect_problem

from .givens import allowed, new_user, user_fields
from .wire import LAST, request

JSON = {"Content-Type": "application/json"}


@check("P0-HTTP-01", hint="Something must answer before anything else can be asked of it.")
def test_the_server_says_that_it_is_alive(api: Api) -> None:
    """GET /healthz answers 200 ok and GET /readyz 200 ready, both as JSON."""
    expect(api.get("/healthz"), 200, json={"status": "ok"}, headers=JSON)
    expect(api.get("/readyz"), 200, json={"status": "ready"}, headers=JSON)


@check(
    "P0-HTTP-02",
    hint="A newcomer has the address of your server and nothing else. Where do they look?",
)
def test_the_server_documents_itself(api: Api) -> None:
    """GET /docs answers 200 with text that names the routes."""
    text = expect(api.get("/docs"), 200).body.decode()

    missing = [path for path in ("/users", "/posts", "/rpc") if path not in text]
    assert not missing, f"/docs doesn't name {missing}"


@check("P0-HTTP-03", hint="Does your router compare whole paths, or only how they begin?")
def test_an_unknown_path_is_404(api: Api) -> None:
    """A path that is no route is 404 not_found."""
    for path in ("/nope", "/user", "/usersx", "/USERS", "/users/1/posts", "/healthz/x"):
        expect_problem(api.get(path), 404, "not_found")


@check(
    "P0-HTTP-04", hint="The path is right and the method isn't. What would the client like to know?"
)
def test_a_wrong_method_is_405(api: Api) -> None:
    """A method that the path doesn't know is 405 with a complete Allow."""
    collection = {"GET", "HEAD", "POST", "OPTIONS"}

    for answer in (api.delete("/users"), api.put("/posts", json={}), api.patch("/users", json={})):
        expect_problem(answer, 405, "method_not_allowed")
        assert allowed(answer) == collection, f"Allow says {answer.headers.get('Allow')!r}"

    answer = expect_problem(api.post("/users/1", json={}), 405, "method_not_allowed")
    assert "POST" not in allowed(answer), "Allow lists the very method that was refused"


@check(
    "P0-HTTP-05",
    hint="One path may refuse a method that others take. And a word that is no method anywhere?",
)
def test_an_unknown_method_is_501(api: Api) -> None:
    """A method that the server knows nowhere is 501; names of methods are case-sensitive."""
    for method in (b"BREW", b"get", b"X-" + b"A" * 20):
        [answer] = api.raw(request(method + b" /users HTTP/1.1", LAST))
        expect_problem(answer, 501, "not_implemented")


@check(
    "P0-HTTP-06",
    hint="Errors are read by programs. Could one tell yours apart without reading English?",
)
def test_an_error_is_a_problem_document(api: Api) -> None:
    """Every error is application/problem+json whose instance is the path asked for."""
    for path, code in (("/nope", "not_found"), ("/users/0", "user_not_found")):
        answer = expect_problem(api.get(path), 404, code)
        expect(answer, 404, json={"instance": path, "type": "about:blank", "title": "Not Found"})


@check("P0-HTTP-07", hint="HEAD asks what GET would say, to the letter, except for one thing.")
def test_head_is_the_head_of_get(api: Api) -> None:
    """HEAD answers with GET's status, type and length; 404 too."""
    for path in ("/users?limit=1", f"/users/{new_user(api)['id']}", "/nope", "/docs"):
        got, head = api.get(path), api.head(path)

        expect(head, got.status, headers={"Content-Type": got.headers["Content-Type"]})
        if path != "/users?limit=1":  # others may be changing the list meanwhile
            expect(head, got.status, headers={"Content-Length": got.headers["Content-Length"]})


@check("P0-HTTP-08", hint="Which methods does the collection know, as opposed to its members?")
def test_a_collection_lists_its_methods(api: Api) -> None:
    """OPTIONS on a collection answers 204 with a complete Allow."""
    for path in ("/users", "/posts"):
        answer = expect(api.options(path), 204)

        assert allowed(answer) == {"GET", "HEAD", "POST", "OPTIONS"}, (
            f"Allow of {path} says {answer.headers.get('Allow')!r}"
        )


@check("P0-HTTP-09", hint="Bytes don't say what they are. Who does, and do you listen?")
def test_a_body_must_say_that_it_is_json(api: Api) -> None:
    """A body of another type than JSON, or of none at all, is 415."""
    for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/jsonx"}, {}):
        answer = api.post("/users", content=b'{"name": "Ada"}', headers=headers)
        expect_problem(answer, 415, "unsupported_media_type")


@check(
    "P0-HTTP-10",
    needs=("P0-USR-01",),
    hint="A media type is more than a string to compare: case and parameters.",
)
def test_a_media_type_may_have_parameters(api: Api) -> None:
    """Application/JSON with charset UTF-8 is JSON; with another charset it is 415."""
    for media_type in (
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json; Charset="UTF-8"',
    ):
        body = f'{{"name": "Ada", "email": "{user_fields()["email"]}"}}'.encode()
        expect(api.post("/users", content=body, headers={"Content-Type": media_type}), 201)

    latin = {"Content-Type": "application/json; charset=iso-8859-1"}
    expect_problem(api.post("/users", content=b"{}", headers=latin), 415, "unsupported_media_type")


@check(
    "P0-HTTP-11", hint="Your parser may know more JSON than the standard does: RFC 8259 has no NaN."
)
def test_what_is_not_json_is_400(api: Api) -> None:
    """A body that isn't JSON to the letter is 400 malformed_json."""
    for body in (
        b"",
        b"{",
        b'{"name": "Ada",}',
        b"{'name': 'Ada'}",
        b'{"name": NaN}',
        b'{"name": -Infinity}',
        b"{} {}",
        b'{"name": "tab\there"}',
        b'{"name": "\xff\xfe"}',
        b'{"name": "\xed\xa0\x80"}',
    ):
        answer = api.post("/users", content=body, headers=JSON)
        expect_problem(answer, 400, "malformed_json")


@check(
    "P0-HTTP-12",
    hint="A small body can ask for a lot of work. Where does your parser give up, and how?",
)
def test_absurd_json_is_refused(api: Api) -> None:
    """Nesting thousands deep or a number of thousands of digits is refused, not a crash."""
    deep = b"[" * 50_000 + b"]" * 50_000

    for value in (deep, b"9" * 6000, b"1e400"):
        answer = api.post("/posts", content=b'{"user_id": ' + value + b"}", headers=JSON)
        if answer.status not in {400, 422}:
            raise Mismatch(f"expected 400 or 422 for an absurd value, got {answer.status}")

    expect(api.get("/healthz"), 200)


@check(
    "P0-HTTP-13",
    needs=("P0-HTTP-01",),
    hint="Which headers does every answer need, whatever it says?",
)
def test_an_answer_carries_its_date_and_type(api: Api) -> None:
    """Answers carry a Date as RFC 9110 writes it and the type of their body."""
    answer = expect(api.get("/users"), 200, headers=JSON)

    date = answer.headers.get("Date", "")
    assert date.endswith(" GMT"), f"Date must be in GMT, got {date!r}"
    assert parsedate_to_datetime(date).year > 2000


@check(
    "P0-HTTP-14",
    needs=("P0-USR-02",),
    hint="Two spellings of one path: which of them does your router see?",
)
def test_a_path_is_decoded(api: Api) -> None:
    """Percent-encoded letters and digits in a path mean the letters and digits."""
    user = new_user(api)
    escaped = b"".join(b"%%%02x" % byte for byte in str(user["id"]).encode())

    for path in (b"/%75sers/" + escaped, b"/users/" + escaped.upper()):
        [answer] = api.raw(request(b"GET " + path + b" HTTP/1.1", LAST))
        expect(answer, 200, json=user)


@check(
    "P0-HTTP-15",
    needs=("P0-USR-02",),
    hint="Your language's idea of a number is wider than yours: signs, spaces, other digits.",
)
def test_only_digits_make_an_id(api: Api) -> None:
    """Signs, spaces, underscores, foreign digits and slashes around an id make it unknown."""
    user_id = str(new_user(api)["id"]).encode()
    arabic = b"".join(b"%%d9%%%02x" % (0xA0 + digit - 0x30) for digit in user_id)

    for segment in (
        b"+%s",
        b"%%20%s",
        b"%s%%20",
        b"%%2B%s",
        b"%s%%2F",
        b"%s%%00",
        b"%s%%0A",
        b"0x%s",
    ):
        [answer] = api.raw(request(b"GET /users/" + segment % user_id + b" HTTP/1.1", LAST))
        if answer.status not in {400, 404}:
            raise Mismatch(f"expected 404 for /users/{segment % user_id!r}, got {answer.status}")
    [answer] = api.raw(request(b"GET /users/" + arabic + b" HTTP/1.1", LAST))
    expect(answer, 404)


@check("P0-HTTP-16", hint="What does your decoder do with a path that it cannot decode?")
def test_an_undecodable_path_is_400(api: Api) -> None:
    """A broken percent escape, or bytes in a path that aren't UTF-8, are 400."""
    for segment in (b"%zz", b"%4", b"%", b"%ff", b"%c3"):
        [answer] = api.raw(request(b"GET /users/" + segment + b" HTTP/1.1", LAST))
        expect(answer, 400)
