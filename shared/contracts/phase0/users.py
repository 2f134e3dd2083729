"""Users: what may be created and read, and what is refused."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import NOT_IDS, allowed, new_user, user_fields


@check(
    "P0-USR-01", hint="Creating is not fetching: which status says that something new exists now?"
)
def test_creating_a_user_answers_201(api: Api) -> None:
    """POST /users answers 201 with the user, its new id, and where it lives."""
    fields = user_fields()

    answer = expect(api.post("/users", json=fields), 201, json=fields)

    user = answer.json()
    assert set(user) == {"id", "name", "email"}, f"a user has id, name and email, not {set(user)}"
    assert type(user["id"]) is int, "an id is a JSON number"
    expect(answer, 201, headers={"Location": f"/users/{user['id']}"})


@check(
    "P0-USR-02",
    needs=("P0-USR-01",),
    hint="Is what you answer on creation the same thing that you stored?",
)
def test_a_user_is_read_back(api: Api) -> None:
    """GET on the Location of a new user answers the same user."""
    created = expect(api.post("/users", json=user_fields()), 201)

    answer = expect(api.get(created.headers["Location"]), 200, json=created.json())

    assert answer.json() == created.json(), "the user read back differs from the one created"


@check(
    "P0-USR-03",
    hint="A path segment is text from a stranger. What does your conversion to a number do with "
    "text that isn't one, or that is larger than any id?",
)
def test_an_unknown_user_is_404(api: Api) -> None:
    """A path id that belongs to no user, whatever it looks like, is 404 user_not_found."""
    for segment in NOT_IDS:
        expect_problem(api.get(f"/users/{segment}"), 404, "user_not_found")


@check("P0-USR-04", needs=("P0-USR-01",), hint="Who looks whether the address is taken, and when?")
def test_an_email_is_taken_once(api: Api) -> None:
    """A second user with the same e-mail is refused with 409 email_taken."""
    user = new_user(api)

    expect_problem(api.post("/users", json=user_fields(email=user["email"])), 409, "email_taken")


@check(
    "P0-USR-05",
    needs=("P0-USR-04",),
    hint="Storing an address and comparing two are two decisions; one form need not do for both.",
)
def test_email_case_is_kept_but_not_compared(api: Api) -> None:
    """E-mails are stored as given and compared without regard to case."""
    email = f"Grace.{unique('Hopper')}@Example.ORG"
    expect(api.post("/users", json=user_fields(email=email)), 201, json={"email": email})

    answer = api.post("/users", json=user_fields(email=email.lower()))

    expect_problem(answer, 409, "email_taken")


@check(
    "P0-USR-06",
    hint="A validator that stops at the first mistake makes its user find the rest one by one.",
)
def test_every_bad_field_is_named_at_once(api: Api) -> None:
    """A payload with several bad fields is 422 and names all of them."""
    expect_problem(api.post("/users", json={}), 422, "invalid_payload", fields=("name", "email"))

    bad = {"name": "", "email": "nobody"}
    expect_problem(api.post("/users", json=bad), 422, "invalid_payload", fields=("name", "email"))


@check(
    "P0-USR-07",
    hint="JSON has types. Does your language turn one into another when you aren't looking?",
)
def test_a_name_is_a_string(api: Api) -> None:
    """A name that is a number, a boolean, null, a list or an object is 422."""
    for value in (1, True, None, ["Ada"], {"first": "Ada"}):
        answer = api.post("/users", json=user_fields(name=value))
        expect_problem(answer, 422, "invalid_payload", fields=("name",))


@check("P0-USR-08", hint="Is the length counted in characters or in bytes, and is a space a name?")
def test_a_name_has_1_to_100_characters(api: Api) -> None:
    """A name has 1 to 100 characters, not bytes, and is not blank."""
    for name in ("", " \t ", "x" * 101, "\u00e9" * 101):
        answer = api.post("/users", json=user_fields(name=name))
        expect_problem(answer, 422, "invalid_payload", fields=("name",))

    for name in ("x", "x" * 100, "\u00e9" * 100):
        expect(api.post("/users", json=user_fields(name=name)), 201, json={"name": name})


@check(
    "P0-USR-09",
    hint="Looking for an @ is not enough: what stands on either side of it, and how often?",
)
def test_an_email_has_the_shape_of_one(api: Api) -> None:
    """An e-mail reads local@domain.tld, without spaces, in at most 254 characters."""
    too_long = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example.org"
    for email in (
        "ada",
        "@x.org",
        "ada@",
        "ada@org",
        "a@b@c.org",
        "a da@x.org",
        "ada@x.",
        too_long,
    ):
        answer = api.post("/users", json=user_fields(email=email))
        expect_problem(answer, 422, "invalid_payload", fields=("email",))


@check(
    "P0-USR-10",
    hint="A field that you silently drop is a typing mistake that nobody is told about.",
)
def test_unknown_fields_are_refused(api: Api) -> None:
    """A field that a user doesn't have, the id included, is 422 and named."""
    for field in ("nickname", "id"):
        answer = api.post("/users", json=user_fields(**{field: 1}))
        expect_problem(answer, 422, "invalid_payload", fields=(field,))


@check(
    "P0-USR-11",
    hint="Valid JSON need not be an object. What does your code do first with what it parsed?",
)
def test_a_body_is_an_object(api: Api) -> None:
    """JSON that isn't an object is 422 with the field called body."""
    for body in (b"[]", b'"Ada"', b"1", b"null", b"true"):
        answer = api.post("/users", content=body, headers={"Content-Type": "application/json"})
        expect_problem(answer, 422, "invalid_payload", fields=("body",))


@check(
    "P0-USR-23",
    needs=("P0-USR-20",),
    hint="Every method that a resource knows belongs into its Allow.",
)
def test_a_user_lists_its_methods(api: Api) -> None:
    """OPTIONS on a user answers 204 with a complete Allow."""
    path = f"/users/{new_user(api)['id']}"

    answer = expect(api.options(path), 204)

    assert allowed(answer) == {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}, (
        f"Allow of {path} says {answer.headers.get('Allow')!r}"
    )


@check(
    "P0-USR-24", needs=("P0-USR-02",), hint="Bytes are not text until somebody names the encoding."
)
def test_names_survive_in_any_script(api: Api) -> None:
    """Names in any script come back as they were sent."""
    for name in (
        "Zo\u00eb \u5c71\u7530",
        "\u0645\u0631\u064a\u0645",
        "\U0001f469\u200d\U0001f4bb",
        'O"Neil \\ </a>',
    ):
        user = new_user(api, name=name)
        expect(api.get(f"/users/{user['id']}"), 200, json={"name": name})


@check(
    "P0-USR-25",
    hint="Your JSON parser accepts more than a text should hold: look at \\u0000 and \\ud800.",
)
def test_text_is_text(api: Api) -> None:
    """A NUL or a lone surrogate in a string is 422."""
    json_type = {"Content-Type": "application/json"}
    for escape in (b"\\u0000", b"\\ud800", b"\\udc00x"):
        body = b'{"name": "a' + escape + b'", "email": "surrogate@example.org"}'
        answer = api.post("/users", content=body, headers=json_type)
        expect_problem(answer, 422, "invalid_payload", fields=("name",))
