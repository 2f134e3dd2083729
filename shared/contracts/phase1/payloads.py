"""Payloads: what a JSON body may be, may hold, and how every mistake in it is named."""

from __future__ import annotations

import json

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import new_post, new_user, post_fields, user_fields

JSON = {"Content-Type": "application/json"}
BLANK = ("", " ", " \t\r\n", "\u3000")


@check("P1-VAL-01", hint="A validator that stops at the first mistake hides the others.")
def test_every_bad_field_is_named_at_once(api: Api) -> None:
    """A payload with several bad fields is 422 and names all of them."""
    for bad in ({}, {"name": "", "email": "nobody"}, {"name": 1, "email": None}):
        answer = api.post("/users", json=bad)
        expect_problem(answer, 422, "invalid_payload", fields=("name", "email"))

    answer = api.post("/posts", json={"user_id": "1", "title": "", "body": 7, "x": 1})
    expect_problem(answer, 422, "invalid_payload", fields=("user_id", "title", "body", "x"))


@check("P1-VAL-02", hint="Not every JSON text is an object.")
def test_a_payload_is_an_object(api: Api) -> None:
    """A JSON body that isn't an object is 422 and names the field body."""
    for value in (None, [], [user_fields()], "name", 7, True):
        answer = api.post("/users", json=value)
        expect_problem(answer, 422, "invalid_payload", fields=["body"])


@check("P1-VAL-03", hint="JSON has types. Does your framework turn one into another unasked?")
def test_types_are_not_converted(api: Api) -> None:
    """A value of another JSON type is 422, also where it could be converted."""
    user_id = new_user(api)["id"]

    for value in (1, 1.5, True, None, ["Ada"], {"first": "Ada"}):
        answer = api.post("/users", json=user_fields(name=value))
        expect_problem(answer, 422, "invalid_payload", fields=["name"])
    for value in (str(user_id), float(user_id), True, None, [user_id]):
        answer = api.post("/posts", json=post_fields(user_id) | {"user_id": value})
        expect_problem(answer, 422, "invalid_payload", fields=["user_id"])


@check("P1-VAL-04", hint="Is a limit counted in characters or in bytes, and is its last value in?")
def test_lengths_are_limited(api: Api) -> None:
    """The longest allowed text is stored; one character more is 422 and names its field."""
    user_id = new_user(api)["id"]

    expect(api.post("/users", json=user_fields(name="é" * 100)), 201, json={"name": "é" * 100})
    answer = api.post("/users", json=user_fields(name="x" * 101))
    expect_problem(answer, 422, "invalid_payload", fields=["name"])
    longest = {"title": "本" * 200, "body": "🎈" * 10_000}
    expect(api.post("/posts", json=post_fields(user_id, **longest)), 201, json=longest)
    escaped = json.dumps(post_fields(user_id, **longest)).encode()  # twelve bytes per balloon
    expect(api.post("/posts", content=escaped, headers=JSON), 201, json=longest)
    too_long = {"title": "x" * 201, "body": "x" * 10_001}
    answer = api.post("/posts", json=post_fields(user_id, **too_long))
    expect_problem(answer, 422, "invalid_payload", fields=too_long)


@check("P1-VAL-05", hint="A name made of spaces is there, and says nothing.")
def test_names_and_titles_are_not_blank(api: Api) -> None:
    """An empty name or title, or one of white space alone, is 422."""
    user = new_user(api)

    for text in BLANK:
        answer = api.post("/users", json=user_fields(name=text))
        expect_problem(answer, 422, "invalid_payload", fields=["name"])
        answer = api.patch(f"/users/{user['id']}", json={"name": text})
        expect_problem(answer, 422, "invalid_payload", fields=["name"])
        answer = api.post("/posts", json=post_fields(user["id"], title=text))
        expect_problem(answer, 422, "invalid_payload", fields=["title"])


@check(
    "P1-VAL-06",
    hint="JSON can write characters that your database, or UTF-8 itself, has no place for.",
)
def test_nul_and_lone_surrogates_are_refused(api: Api) -> None:
    """A text with NUL or half a surrogate pair is 422 and names its field, never a 500."""
    user = new_user(api)
    post = new_post(api, user["id"])

    for text in ("a\x00b", "a\ud800b", "\udfff"):
        for name, answer in (
            ("name", api.post("/users", json=user_fields(name=text))),
            ("email", api.post("/users", json=user_fields(email=f"{text}@example.org"))),
            ("name", api.patch(f"/users/{user['id']}", json={"name": text})),
            ("title", api.post("/posts", json=post_fields(user["id"], title=text))),
            ("body", api.patch(f"/posts/{post['id']}", json={"body": text})),
        ):
            expect_problem(answer, 422, "invalid_payload", fields=[name])


@check("P1-VAL-07", hint="How much of an address can you know without sending mail to it?")
def test_an_email_looks_like_one(api: Api) -> None:
    """What isn't local@domain.tld, or is longer than 254, is 422; unusual addresses are fine."""
    too_long = f"{'x' * 60}@{'.'.join(['y' * 60] * 4)}.example.org"
    for bad in (
        "nobody",
        "@example.org",
        "ada@",
        "ada@example",
        "ada@.org",
        "ada@example.",
        "ada@@example.org",
        "ada lovelace@example.org",
        "ada@exam ple.org",
        "ada@example.org\n",
        too_long,
    ):
        answer = api.post("/users", json=user_fields(email=bad))
        expect_problem(answer, 422, "invalid_payload", fields=["email"])

    for good in (f"{unique('a.b+tag')}@mail.example.co.uk", f"{unique('o')}@x-y.example.org"):
        expect(api.post("/users", json=user_fields(email=good)), 201, json={"email": good})


@check("P1-VAL-08", hint="Text is Unicode from the socket to the disk and back.")
def test_text_survives_unchanged(api: Api) -> None:
    """Names, titles and bodies in any script come back exactly as they were sent."""
    user = new_user(api, name="Zoë Ångström 李 👩‍💻")
    text = {
        "title": "Ünïcödé \u202e مرحبا",
        "body": 'line 1\r\nline 2\ttab "quotes" \\ \u2028 \' -- %',
    }

    post = new_post(api, user["id"], **text)

    expect(api.get(f"/users/{user['id']}"), 200, json={"name": "Zoë Ångström 李 👩‍💻"})
    expect(api.get(f"/posts/{post['id']}"), 200, json=text)


@check(
    "P1-VAL-09", hint="Whose fault is it when a body isn't JSON at all, and which status says so?"
)
def test_malformed_json_is_400(api: Api) -> None:
    """A body that isn't JSON is 400 malformed_json: on POST, PUT and PATCH."""
    user = new_user(api)
    email = f'"email": "{unique("x")}@example.org"'

    for text in (
        "",
        "{",
        "{'name': 'Ada'}",
        f'{{"name": "Ada", {email},}}',
        f'{{"name": NaN, {email}}}',
        f'{{"name": -Infinity, {email}}}',
        f'{{"name": "Ada", {email}}} {{}}',
        f'{{"name": "A\x01", {email}}}',
    ):
        for send, path in (
            (api.post, "/users"),
            (api.put, f"/users/{user['id']}"),
            (api.patch, f"/users/{user['id']}"),
        ):
            answer = send(path, content=text.encode(), headers=JSON)
            expect_problem(answer, 400, "malformed_json")


@check(
    "P1-VAL-10",
    needs=("P1-VAL-09",),
    hint="A parser, too, has limits: depth, digits, encodings. Which of its errors do you catch?",
)
def test_absurd_json_is_400(api: Api) -> None:
    """Invalid UTF-8, absurd nesting and absurd integers are 400 malformed_json, never a 500."""
    for content in (
        b'{"name": "\xff\xfe", "email": "x@example.org"}',
        '{"name": "Ada"}'.encode("utf-16"),
        b"[" * 50_000,
        b'{"a":' * 15_000 + b"1" + b"}" * 15_000,
        b'{"user_id": ' + b"9" * 10_000 + b', "title": "x", "body": ""}',
    ):
        answer = api.post("/posts", content=content, headers=JSON)
        expect_problem(answer, 400, "malformed_json")


@check("P1-VAL-11", hint="Before you read a body as JSON: did anybody say that it is?")
def test_another_media_type_is_415(api: Api) -> None:
    """A body without Content-Type, of another type or in another charset is 415."""
    content = b'{"name": "Ada", "email": "ada@example.org"}'

    expect_problem(api.post("/users", content=content), 415, "unsupported_media_type")
    for media_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "nonsense",
    ):
        answer = api.post("/users", content=content, headers={"Content-Type": media_type})
        expect_problem(answer, 415, "unsupported_media_type")


@check("P1-VAL-12", needs=("P1-USR-01",), hint="A media type has parameters, and no letter case.")
def test_json_may_say_its_charset(api: Api) -> None:
    """application/json with charset utf-8, in any case and quoted or not, is JSON."""
    for media_type in (
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'Application/JSON; Charset="utf-8"',
    ):
        headers = {"Content-Type": media_type}
        expect(api.post("/users", json=user_fields(), headers=headers), 201)


@check("P1-VAL-13", hint="How much would you read from a stranger before you have had enough?")
def test_a_huge_body_is_413(api: Api) -> None:
    """A body of 4 MiB is refused with 413 body_too_large, and the server lives on."""
    content = b'{"name": "' + b"x" * 4 * 1024 * 1024 + b'"}'

    answer = api.post("/users", content=content, headers=JSON)

    expect_problem(answer, 413, "body_too_large")
    expect(api.get("/healthz"), 200)
