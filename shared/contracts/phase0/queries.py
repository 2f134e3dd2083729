"""Lists: pages, filters, sorting, and the query string they are asked for in."""

from __future__ import annotations

from urllib.parse import quote

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import Fields, new_post, new_user


def listed(api: Api, query: str) -> Fields:
    """Ask for a list, the query string sent exactly as written."""
    return expect(api.get(f"/users?{query}"), 200).json()


def family(api: Api, *given_names: str) -> tuple[str, list[Fields]]:
    """Several users under one fresh surname, which selects them and nobody else."""
    surname = unique("family").lower()
    return surname, [new_user(api, name=f"{given} {surname}") for given in given_names]


def refused(api: Api, query: str, *fields: str, path: str = "/users") -> None:
    """Expect 400 invalid_query that names each bad parameter."""
    expect_problem(api.get(f"{path}?{query}"), 400, "invalid_query", fields=fields)


@check(
    "P0-QRY-01",
    needs=("P0-USR-01",),
    hint="A bare array leaves no room for anything beside the items.",
)
def test_a_list_has_its_four_members(api: Api) -> None:
    """A list answers items, limit, offset and total, with defaults 20 and 0."""
    surname, people = family(api, "ada")

    page = listed(api, f"name={surname}")

    assert page == {"items": people, "limit": 20, "offset": 0, "total": 1}, f"got {page}"
    assert set(expect(api.get("/posts"), 200).json()) == {"items", "limit", "offset", "total"}


@check(
    "P0-QRY-02",
    needs=("P0-QRY-01",),
    hint="Where does the second page start, and who is on both or on none?",
)
def test_pages_show_each_row_once(api: Api) -> None:
    """Walking the pages shows every row exactly once, in id order."""
    surname, people = family(api, *"abcdefg")

    pages = [listed(api, f"name={surname}&limit=3&offset={offset}") for offset in (0, 3, 6, 9)]

    assert [len(page["items"]) for page in pages] == [3, 3, 1, 0], "7 rows make pages of 3, 3, 1, 0"
    assert [row for page in pages for row in page["items"]] == people, "a row is lost or repeated"
    assert [(page["limit"], page["offset"]) for page in pages] == [(3, n) for n in (0, 3, 6, 9)]


@check(
    "P0-QRY-03",
    needs=("P0-QRY-01",),
    hint="How many are there, as opposed to: how many are on this page?",
)
def test_total_counts_all_matches(api: Api) -> None:
    """Total counts all rows that match, whatever the page."""
    surname, _ = family(api, *"abcde")

    for window in ("limit=2", "limit=2&offset=4", "offset=1000000"):
        assert listed(api, f"name={surname}&{window}")["total"] == 5, f"total with {window}"


@check(
    "P0-QRY-04",
    hint="A page of minus one, or of a million, is a question to refuse and not to repair.",
)
def test_limit_has_bounds(api: Api) -> None:
    """A limit that isn't a whole number from 1 to 100 is 400 and named."""
    for value in ("0", "101", "-1", "abc", "1.5", "", "1e1", "%2B5", "9" * 5000):
        refused(api, f"limit={value}", "limit")

    for value in (1, 100):
        assert listed(api, f"limit={value}")["limit"] == value


@check("P0-QRY-05", hint="What does a negative offset mean to your language's slices?")
def test_offset_has_bounds(api: Api) -> None:
    """An offset that isn't a whole number from 0 to 1000000 is 400 and named."""
    for value in ("-1", "1000001", "abc", "0.0", "", "%201"):
        refused(api, f"offset={value}", "offset")

    assert listed(api, "offset=1000000")["items"] == []


@check(
    "P0-QRY-06",
    hint="An ignored parameter is a filter that the client believes in and that isn't there.",
)
def test_unknown_parameters_are_refused(api: Api) -> None:
    """A parameter that the list doesn't know is 400 and named."""
    refused(api, "page=2", "page")
    refused(api, "Limit=2", "Limit")
    refused(api, "user_id=1", "user_id")
    refused(api, "email=a@example.org", "email", path="/posts")


@check("P0-QRY-07", hint="First, last, or both? If you cannot say which, neither can the client.")
def test_a_parameter_is_given_once(api: Api) -> None:
    """A parameter given twice is 400 and named."""
    refused(api, "limit=1&limit=2", "limit")
    refused(api, "name=a&name=a", "name")


@check("P0-QRY-08", hint="Collect the mistakes, then answer.")
def test_every_bad_parameter_is_named(api: Api) -> None:
    """Several bad parameters are named in one answer."""
    refused(api, "limit=0&offset=-1&sort=colour&page=2", "limit", "offset", "sort", "page")


@check(
    "P0-QRY-09",
    needs=("P0-QRY-01",),
    hint="Contains is not starts-with, and A is not a, unless you say so.",
)
def test_name_contains_in_any_case(api: Api) -> None:
    """The name filter finds the text anywhere in a name, in any case, in any script."""
    surname, people = family(api, "Ada", "\u00c9mile")

    assert listed(api, f"name={surname.upper()}")["items"] == people
    assert listed(api, f"name={quote(f'da {surname}')}")["items"] == people[:1]
    emile = quote("\u00e9MILE")
    assert listed(api, f"name={emile}+{surname}")["items"] == people[1:]


@check(
    "P0-QRY-10",
    needs=("P0-QRY-01",),
    hint="This filter asks for one address and not for all that resemble it.",
)
def test_email_filter_is_exact(api: Api) -> None:
    """The e-mail filter finds the whole address, in any case, and no other."""
    user = new_user(api)

    assert listed(api, f"email={user['email'].upper()}")["items"] == [user]
    assert listed(api, f"email={user['email'][1:]}")["items"] == []


@check(
    "P0-QRY-11",
    needs=("P0-QRY-01",),
    hint="Sort all the rows and take a page, or take a page and sort it?",
)
def test_rows_are_sorted_before_they_are_cut(api: Api) -> None:
    """A page is cut from the sorted rows; a minus sign turns the order around."""
    surname, (cleo, ada, bert) = family(api, "cleo", "ada", "bert")

    assert listed(api, f"name={surname}&sort=name")["items"] == [ada, bert, cleo]
    assert listed(api, f"name={surname}&sort=-name")["items"] == [cleo, bert, ada]
    assert listed(api, f"name={surname}&sort=-id")["items"] == [bert, ada, cleo]
    assert listed(api, f"name={surname}&sort=name&limit=1&offset=1")["items"] == [bert]


@check(
    "P0-QRY-12",
    needs=("P0-QRY-11",),
    hint="Which of two equal rows comes first, and is it the same one on every page?",
)
def test_ties_are_broken_by_id(api: Api) -> None:
    """Rows that sort equal follow their ids, in the direction of the sort."""
    surname, twins = family(api, *["twin"] * 5)

    assert listed(api, f"name={surname}&sort=name")["items"] == twins
    assert listed(api, f"name={surname}&sort=-name")["items"] == twins[::-1]


@check("P0-QRY-13", hint="Which fields may a stranger sort by? All those that happen to exist?")
def test_sort_knows_its_fields(api: Api) -> None:
    """A sort that isn't on the list of sortable fields is 400 and named."""
    for value in ("password", "--id", "-", "", "ID", "id,name", "%2Bid", "__class__"):
        refused(api, f"sort={value}", "sort")
    refused(api, "sort=body", "sort", path="/posts")


@check(
    "P0-QRY-14",
    needs=("P0-PST-01",),
    hint="Filters narrow: each one that is added leaves fewer rows.",
)
def test_filters_of_posts_combine(api: Api) -> None:
    """Posts are filtered by user and by title, and by both at once."""
    ada, bert = new_user(api)["id"], new_user(api)["id"]
    engine, notes = new_post(api, ada, title="The Engine"), new_post(api, ada, title="Notes")
    other = new_post(api, bert, title="An engine")

    def found(query: str) -> list[Fields]:
        return expect(api.get(f"/posts?{query}"), 200).json()["items"]

    assert found(f"user_id={ada}") == [engine, notes]
    assert found(f"user_id={ada}&title=ENGINE") == [engine]
    assert found(f"user_id={bert}&title=engine&sort=-title") == [other]
    assert found(f"user_id={bert}&title=notes") == []


@check(
    "P0-QRY-15",
    hint="A filter that cannot be read is not a filter that matches nothing, or everything.",
)
def test_user_id_filter_is_an_integer(api: Api) -> None:
    """A user_id filter that isn't a positive whole number is 400 and named."""
    for value in ("abc", "", "1.0", "true", "-1"):
        refused(api, f"user_id={value}", "user_id", path="/posts")


@check(
    "P0-QRY-16",
    needs=("P0-QRY-09",),
    hint="In a query a + is a space and %2B is a plus: in which order do you split and decode?",
)
def test_a_query_is_decoded_after_it_is_split(api: Api) -> None:
    """Plus signs, percent-encoded separators and UTF-8 in a query mean what they should."""
    surname, (plus, both) = family(api, "a+b", "a&b=c")

    assert listed(api, f"name=a%2Bb+{surname}")["items"] == [plus]
    assert listed(api, f"name=a%26b%3Dc%20{surname}")["items"] == [both]
    assert listed(api, f"%6Eame={surname}")["total"] == 2


@check(
    "P0-QRY-17",
    hint="What does your decoder do with bytes that it cannot decode: refuse, or guess?",
)
def test_an_undecodable_query_is_400(api: Api) -> None:
    """A broken percent escape, bytes that aren't UTF-8, or a NUL in a query are 400."""
    for value in (b"%zz", b"%4", b"%ff%fe", b"%ed%a0%80", b"%00"):
        request = b"GET /users?name=" + value + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        [answer] = api.raw(request)
        expect(answer, 400, headers={"Content-Type": "application/problem+json"})


@check(
    "P0-QRY-18",
    needs=("P0-QRY-09",),
    hint="Does your search have a language of its own that the client didn't ask for?",
)
def test_special_characters_are_data(api: Api) -> None:
    """Percent, underscore, star and brackets in a filter stand for themselves."""
    surname, (percent, *_) = family(api, "100% sure", "1000 sure", "b_c", "bxc")

    assert listed(api, f"name={quote(f'100% sure {surname}')}")["items"] == [percent]
    assert listed(api, f"name=b_c+{surname}")["total"] == 1
    for pattern in (".*", "*", "[a-z]", "%"):
        assert listed(api, f"name={quote(f'{pattern} {surname}')}")["items"] == []


@check(
    "P0-QRY-19",
    needs=("P0-QRY-01",),
    hint="How does a client know what it asked for, if not from the answer?",
)
def test_an_empty_filter_is_refused(api: Api) -> None:
    """A filter without a value is 400 and named."""
    for query in ("name=", "name", "email="):
        refused(api, query, query.rstrip("="))
