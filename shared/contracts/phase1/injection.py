"""SQL injection: in every parameter, path and field an attempt is data, or refused as such."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import Fields, ids, new_post, new_user, post_fields, user_fields

ATTEMPTS = (
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE comments; --",
    "'; SELECT pg_sleep(5); --",
    "') UNION SELECT 1, version() --",
    "\\' OR 1=1 --",
    "$$ OR 1=1 $$",
    "%s %(id)s {id} $1 ?",
    "1; DELETE FROM posts",
    "E'\\x27' || 'x'",
    "/* */ -- ;",
    '" OR ""="',
)


@check("P1-INJ-01", needs=("P1-LIST-11",), hint="A quote in a value: does it end up in SQL text?")
def test_attempts_in_filters_find_nothing(api: Api) -> None:
    """An attempt in a text filter is looked for as text, and found nowhere."""
    new_post(api, new_user(api)["id"])
    nothing: Fields = {"items": []}

    for attempt in ATTEMPTS:
        text = unique("x") + attempt
        for path, name in (("/users", "name"), ("/posts", "q"), ("/feed", "q")):
            expect(api.get(path, params={name: text}), 200, json=nothing)
        by_email = api.get("/users", params={"email": text})
        if by_email.status == 200:
            expect(by_email, 200, json=nothing)
        else:  # a server may say that this is no address at all
            expect_problem(by_email, 400, "invalid_query", fields=["email"])


@check("P1-INJ-02", needs=("P1-LIST-10",), hint="What isn't a value cannot be a query parameter.")
def test_attempts_in_typed_parameters_are_400(api: Api) -> None:
    """An attempt where a number, a time, a sort or a cursor belongs is 400 and named."""
    for attempt in ATTEMPTS:
        for path, name in (
            ("/users", "sort"),
            ("/users", "limit"),
            ("/users", "offset"),
            ("/users", "created_from"),
            ("/posts", "sort"),
            ("/posts", "user_id"),
            ("/posts", "created_before"),
            ("/feed", "cursor"),
        ):
            answer = api.get(path, params={name: f"id{attempt}" if name == "sort" else attempt})
            expect_problem(answer, 400, "invalid_query", fields=[name])


@check("P1-INJ-03", needs=("P1-USR-02", "P1-PST-02"), hint="Little Bobby Tables is a valid name.")
def test_attempts_in_fields_are_stored_as_text(api: Api) -> None:
    """An attempt in a name, a title or a body is stored and found again, letter by letter."""
    for attempt in ATTEMPTS:
        name = f"{unique('x')} {attempt}"
        user = new_user(api, name=name)
        expect(api.get(f"/users/{user['id']}"), 200, json={"name": name})
        assert ids(expect(api.get("/users", params={"name": name}), 200)) == [user["id"]]

        fields = post_fields(user["id"], title=attempt, body=name)
        post = expect(api.post("/posts", json=fields), 201, json=fields).json()
        changed = api.patch(f"/posts/{post['id']}", json={"title": name, "body": attempt})
        expect(changed, 200, json={"title": name, "body": attempt})


@check("P1-INJ-04", needs=("P1-VAL-07",), hint="Fields have types; names of fields are no values.")
def test_attempts_in_typed_fields_are_422(api: Api) -> None:
    """An attempt in an e-mail, in a user_id or in the name of a field is 422."""
    user = new_user(api)

    for attempt in ATTEMPTS:
        answer = api.post("/users", json=user_fields(email=f"{attempt}@x"))
        expect_problem(answer, 422, "invalid_payload", fields=["email"])
        answer = api.post("/posts", json=post_fields(user["id"]) | {"user_id": attempt})
        expect_problem(answer, 422, "invalid_payload", fields=["user_id"])
        answer = api.patch(f"/users/{user['id']}", json={attempt: "x"})
        expect_problem(answer, 422, "invalid_payload", fields=[attempt])


@check("P1-INJ-05", needs=("P1-USR-03",), hint="A path segment is text from a stranger.")
def test_attempts_in_paths_are_404(api: Api) -> None:
    """An attempt behind an existing id in a path is 404."""
    user_id = new_user(api)["id"]

    for attempt in ("%20OR%201=1", "%27%20OR%20%271%27=%271", ";DROP%20TABLE%20users", "--", "%00"):
        expect_problem(api.get(f"/users/{user_id}{attempt}"), 404, "user_not_found")
        expect_problem(api.delete(f"/posts/{user_id}{attempt}"), 404, "post_not_found")


@check("P1-INJ-06", hint="PostgreSQL has no place for NUL in a text. Who tells the client?")
def test_nul_in_a_filter_is_400(api: Api) -> None:
    """NUL in a text filter is 400 and named, never a 500."""
    for path, name in (("/users", "name"), ("/users", "email"), ("/posts", "q"), ("/feed", "q")):
        answer = api.get(path, params={name: "a\x00b"})
        expect_problem(answer, 400, "invalid_query", fields=[name])
