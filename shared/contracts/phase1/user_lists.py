"""Lists, shown on users: pages, filters, orders, and every way to ask for them wrongly."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from shared.contracts.kit import Answer, Api, check, expect, expect_problem, unique

from .givens import Fields, expect_members, ids, new_user


def named(api: Api, *names: str) -> tuple[str, list[Fields]]:
    """Make users whose names end in a word of their own; the word finds them and nobody else."""
    word = unique("list")
    return word, [new_user(api, name=f"{name} {word}") for name in names]


def listed(api: Api, word: str, **params: object) -> Answer:
    """Ask for the users with that word in their names."""
    return expect(api.get("/users", params={"name": word} | params), 200)


def shifted(time: str, **delta: float) -> str:
    """Move a time of the service's form."""
    moved = datetime.fromisoformat(time) + timedelta(**delta)
    return moved.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@check("P1-LIST-01", needs=("P1-USR-01",), hint="A list says what it shows and how much there is.")
def test_a_list_says_what_it_is(api: Api) -> None:
    """A list has items, limit 20 and offset 0 unless asked otherwise, and total; id order."""
    word, users = named(api, "Ada", "Bob", "Cid")

    answer = expect(api.get("/users", params={"name": word}), 200)

    assert answer.json() == {"items": users, "limit": 20, "offset": 0, "total": 3}
    expect_members(expect(api.get("/users"), 200).json(), "items", "limit", "offset", "total")


@check("P1-LIST-02", needs=("P1-LIST-01",), hint="Where does the second page begin?")
def test_pages_cover_everything_once(api: Api) -> None:
    """Pages of any size show each row once, in one order; total doesn't depend on the page."""
    word, users = named(api, *"edcba")
    made = [user["id"] for user in users]

    for limit in (1, 2, 3, 5, 100):
        seen: list[int] = []
        for offset in range(0, 6, limit):
            page = listed(api, word, limit=limit, offset=offset)
            expect(page, 200, json={"limit": limit, "offset": offset, "total": 5})
            assert ids(page) == made[offset : offset + limit], f"limit {limit}, offset {offset}"
            seen += ids(page)
        assert seen == made, f"pages of {limit}: expected {made}, got {seen}"


@check("P1-LIST-03", needs=("P1-LIST-02",), hint="Where does total come from when no row comes?")
def test_a_page_beyond_the_end_is_empty(api: Api) -> None:
    """An offset beyond the end, up to the largest, shows nothing, with the total still right."""
    word, _ = named(api, "Ada", "Bob")

    for offset in (2, 3, 1_000_000):
        expect(listed(api, word, offset=offset), 200, json={"items": [], "total": 2})
    nobody = listed(api, unique("nobody"))
    expect(nobody, 200, json={"items": [], "total": 0})


@check("P1-LIST-04", hint="What would your database do with LIMIT abc, LIMIT -1 or LIMIT 10000000?")
def test_limit_and_offset_have_bounds(api: Api) -> None:
    """A limit outside 1..100, an offset outside 0..1000000, or no number at all: 400, named."""
    expect(api.get("/users", params={"limit": 100, "offset": 1_000_000}), 200)

    not_numbers = ("", "abc", "1.5", "1e1", "0x10", "1_0", "٣", "--1", "9" * 30, "null")
    for name, outside in (("limit", ("0", "-1", "101")), ("offset", ("-1", "1000001"))):
        for value in (*outside, *not_numbers):
            answer = api.get("/users", params={name: value})
            expect_problem(answer, 400, "invalid_query", fields=[name])


@check("P1-LIST-05", hint="A misspelt filter that is ignored shows everything, and nobody notices.")
def test_an_unknown_parameter_is_400(api: Api) -> None:
    """A parameter that the list doesn't know is 400 and named."""
    for path, name in (
        ("/users", "nmae"),
        ("/users", "q"),
        ("/posts", "name"),
        ("/feed", "offset"),
    ):
        answer = api.get(path, params={name: "x"})
        expect_problem(answer, 400, "invalid_query", fields=[name])


@check(
    "P1-LIST-06", hint="Given twice, which one counts? Whoever has to guess may guess differently."
)
def test_a_parameter_given_twice_is_400(api: Api) -> None:
    """Any parameter given twice is 400 and named, even with the same value."""
    for path, name, value in (
        ("/users", "limit", "5"),
        ("/users", "name", "Ada"),
        ("/posts", "user_id", "1"),
        ("/posts", "sort", "id"),
        ("/feed", "limit", "5"),
    ):
        answer = api.get(path, params=[(name, value), (name, value)])
        expect_problem(answer, 400, "invalid_query", fields=[name])


@check("P1-LIST-07", needs=("P1-LIST-04", "P1-LIST-05"), hint="Name every mistake at once.")
def test_every_bad_parameter_is_named(api: Api) -> None:
    """A query with several mistakes is 400 once, and names them all."""
    answer = api.get("/users?limit=0&offset=-1&sort=age&nope=1&created_from=yesterday")

    fields = ("limit", "offset", "sort", "nope", "created_from")
    expect_problem(answer, 400, "invalid_query", fields=fields)


@check("P1-LIST-08", needs=("P1-LIST-01",), hint="Which columns may a stranger sort by, and how?")
def test_users_are_sorted(api: Api) -> None:
    """Sort is id, name, email or created_at, with a minus descending."""
    word, users = named(api, "bob", "ada", "cid")

    for key in ("id", "name", "email", "created_at"):
        ascending = [user["id"] for user in sorted(users, key=lambda user: user[key])]
        for sort, expected in ((key, ascending), (f"-{key}", ascending[::-1])):
            got = ids(listed(api, word, sort=sort))
            assert got == expected, f"sort={sort}: expected {expected}, got {got}"


@check(
    "P1-LIST-09", needs=("P1-LIST-08",), hint="An order with ties isn't an order: pages overlap."
)
def test_ties_are_broken_by_id(api: Api) -> None:
    """Rows that sort alike come in id order, descending when the sort is."""
    word, users = named(api, *["Same"] * 7)
    made = [user["id"] for user in users]
    # An update moves a row to another place in the table, where an unsorted scan meets it later.
    for user in users[::2]:
        expect(api.patch(f"/users/{user['id']}", json={"email": f"{unique('x')}@example.org"}), 200)

    for sort, expected in (("name", made), ("-name", made[::-1])):
        pages = [ids(listed(api, word, sort=sort, limit=2, offset=n)) for n in range(0, 8, 2)]
        got = [row for page in pages for row in page]
        assert got == expected, f"sort={sort} in pages of 2: expected {expected}, got {got}"


@check(
    "P1-LIST-10", hint="A column's name cannot be a query parameter of SQL. What guards the rest?"
)
def test_an_unknown_sort_is_400(api: Api) -> None:
    """Any other sort is 400 and names the parameter: other columns, expressions, signs, case."""
    for path in ("/users", "/posts"):
        for sort in (
            "",
            "-",
            "age",
            "--id",
            "+id",
            "ID",
            "id,name",
            "id desc",
            "1",
            "body",
            "users.id",
        ):
            answer = api.get(path, params={"sort": sort})
            expect_problem(answer, 400, "invalid_query", fields=["sort"])


@check(
    "P1-LIST-11", needs=("P1-LIST-01",), hint="Contains, whatever the case, whatever the script."
)
def test_users_are_found_by_a_part_of_their_name(api: Api) -> None:
    """The name filter finds a part of a name in any case, and only in names."""
    word, users = named(api, "Ada", "ADAM", "Élodie", "Zoe")

    for part, expected in (
        (word.upper(), users),
        (f"M {word}", users[1:2]),
        (f"élodie {word}", users[2:3]),
        (f"x {word}", []),
    ):
        got = ids(listed(api, part))
        assert got == [user["id"] for user in expected], f"name={part!r} found {got}"


@check("P1-LIST-12", needs=("P1-LIST-11",), hint="LIKE has letters of its own. Whose are these?")
def test_wildcards_are_data_in_a_name(api: Api) -> None:
    """Percent signs, underscores and backslashes in the name filter stand for themselves."""
    word, users = named(api, "50% ", "5_0", "50", r"5\0")

    for part, expected in (("50% ", 0), ("5_0", 1), (r"5\0", 3)):
        got = ids(listed(api, f"{part} {word}"))
        assert got == [users[expected]["id"]], f"{part!r} found {got}, not {users[expected]}"
    for pattern in (f"%{word}", f"_0 {word}_", f"{word}%", f"{word}\\"):
        assert ids(listed(api, pattern)) == [], f"{pattern!r} was taken for a pattern"


@check(
    "P1-LIST-13", needs=("P1-LIST-01",), hint="The whole address and nothing but it, in any case."
)
def test_a_user_is_found_by_email(api: Api) -> None:
    """The email filter finds exactly one address, in any case, and no part of one."""
    user = new_user(api)
    email = user["email"]

    for asked in (email, email.upper()):
        expect(api.get("/users", params={"email": asked}), 200, json={"items": [user], "total": 1})
    for part in (email[1:], email[:-1], f"%{email[1:]}", f"_{email[1:]}"):
        expect(api.get("/users", params={"email": part}), 200, json={"items": [], "total": 0})


@check(
    "P1-LIST-14",
    needs=("P1-LIST-01",),
    hint="If one range ends where the next begins, whose is the moment between them?",
)
def test_time_ranges_are_half_open(api: Api) -> None:
    """created_from includes its moment, created_before excludes it."""
    word, users = named(api, "a", "b", "c")
    middle = users[1]["created_at"]

    after, before = (
        ids(listed(api, word, **{name: middle})) for name in ("created_from", "created_before")
    )
    one = ids(
        listed(api, word, created_from=middle, created_before=shifted(middle, microseconds=1))
    )

    assert after == [user["id"] for user in users if user["created_at"] >= middle]
    assert before == [user["id"] for user in users if user["created_at"] < middle]
    assert one == [user["id"] for user in users if user["created_at"] == middle]
    assert ids(listed(api, word, created_from=middle, created_before=middle)) == []


@check("P1-LIST-15", needs=("P1-LIST-14",), hint="The same moment has many spellings.")
def test_a_time_may_be_given_in_any_zone(api: Api) -> None:
    """A time with another offset than Z means the same moment."""
    word, users = named(api, "a", "b")
    moment = datetime.fromisoformat(users[1]["created_at"])

    for hours in (-7, 0, 5.5):
        local = moment.astimezone(timezone(timedelta(hours=hours))).isoformat()
        got = ids(listed(api, word, created_from=local))
        assert users[1]["id"] in got, f"created_from={local} left out what happened then"
        before = listed(api, word, created_before=local)
        assert users[1]["id"] not in ids(before), f"created_before={local} is not half-open"


@check("P1-LIST-16", hint="A time without its zone is a different moment in every town.")
def test_a_time_needs_a_date_and_a_zone(api: Api) -> None:
    """What isn't an RFC 3339 time with a zone is 400 and names the parameter."""
    for name in ("created_from", "created_before"):
        for path in ("/users", "/posts"):
            for value in (
                "",
                "yesterday",
                "2026-01-31",
                "2026-01-31T10:00:00",
                "2026-02-30T10:00:00Z",
                "2026-01-31T25:00:00Z",
                "1767225600",
                "infinity",
            ):
                answer = api.get(path, params={name: value})
                expect_problem(answer, 400, "invalid_query", fields=[name])
