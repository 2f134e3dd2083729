"""JSON-RPC 2.0 at /rpc: the same data, asked for by method name instead of by resource."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import Fields, allowed, new_post, new_user, unknown_id, user_fields, without
from .rpc_calls import JSON, call, error, named_fields, refused_outright, result, well_formed


@check(
    "P0-RPC-01",
    hint="In RPC the verb is in the body. Which parts of HTTP are left with something to say?",
)
def test_a_call_by_name_answers_its_result(api: Api) -> None:
    """A call with named parameters answers 200 with the result under the call's id."""
    fields = user_fields()

    user = result(api, "users.create", fields)

    assert without(user, "id") == fields, f"users.create answered {user}"
    assert result(api, "users.get", {"id": user["id"]}) == user


@check(
    "P0-RPC-02",
    needs=("P0-RPC-01",),
    hint="Parameters in a list have an order. Which one did you document?",
)
def test_a_call_by_position_answers_its_result(api: Api) -> None:
    """A call with parameters in order answers as the same call by name."""
    fields = user_fields()

    user = result(api, "users.create", [fields["name"], fields["email"]])

    assert without(user, "id") == fields, f"users.create by position answered {user}"
    assert result(api, "users.get", [user["id"]]) == user


@check(
    "P0-RPC-03",
    needs=("P0-RPC-01",),
    hint="An id is the client's own mark; it comes back untouched.",
)
def test_the_id_comes_back_unchanged(api: Api) -> None:
    """The id of a call comes back with its type and value: string, number or null."""
    for call_id in ("1", 1, "", 0, -7, "\u00e9", None):
        call(api, "users.list", call_id=call_id)


@check(
    "P0-RPC-04", hint="The HTTP request was fine. Whose error is this, and whose id could it carry?"
)
def test_unparsable_json_is_a_parse_error(api: Api) -> None:
    """A body that isn't JSON is answered with error -32700 and id null."""
    for body in (b"", b'{"jsonrpc": "2.0", "method"', b"[", b"NaN", b'{"id": "\xff"}'):
        refused_outright(api, body, -32700)


@check(
    "P0-RPC-05",
    hint="Valid JSON need not be a valid call. Which members must it have, of which types?",
)
def test_what_is_no_call_is_an_invalid_request(api: Api) -> None:
    """JSON that isn't a call is answered with error -32600 and id null."""
    for body in (
        b"1",
        b'"users.list"',
        b"{}",
        b'{"jsonrpc": "1.0", "method": "users.list"}',
        b'{"jsonrpc": "2.0", "method": 1}',
        b'{"jsonrpc": "2.0", "method": "users.list", "params": "x"}',
        b'{"jsonrpc": "2.0", "method": "users.list", "id": {}}',
        b'{"jsonrpc": "2.0", "method": "users.list", "id": true}',
    ):
        refused_outright(api, body, -32600)


@check(
    "P0-RPC-06",
    needs=("P0-RPC-01",),
    hint="Only what you put on the list may be called, however it is spelled.",
)
def test_an_unknown_method_is_not_found(api: Api) -> None:
    """A method that doesn't exist is error -32601."""
    for method in ("users.explode", "users", "", "Users.list", "users.__init__", "rpc.discover"):
        error(call(api, method), -32601)


@check(
    "P0-RPC-07",
    needs=("P0-RPC-01",),
    hint="Parameters are wrong in shape or in value; both are the caller's to mend.",
)
def test_bad_params_are_invalid(api: Api) -> None:
    """Missing, unknown, too many or ill-typed parameters are error -32602."""
    error(call(api, "users.get"), -32602)
    error(call(api, "users.get", []), -32602)
    error(call(api, "users.get", [1, 2]), -32602)
    error(call(api, "users.get", {"id": 1, "colour": "red"}), -32602)
    error(call(api, "users.get", {"id": "1"}), -32602)
    error(call(api, "users.get", {"id": True}), -32602)
    error(call(api, "users.list", {"limit": 0}), -32602)


@check(
    "P0-RPC-08",
    needs=("P0-RPC-07",),
    hint="The rules of a user don't change with the door it came in by.",
)
def test_invalid_fields_are_named(api: Api) -> None:
    """Invalid fields are error -32602 with every one of them in data.errors."""
    for method, row_id in (("users.create", {}), ("users.replace", {"id": new_user(api)["id"]})):
        response = call(api, method, row_id | {"name": "", "email": "nobody"})

        named = named_fields(error(response, -32602))

        assert named == {"name", "email"}, f"{method} answered {response}"


@check(
    "P0-RPC-09",
    needs=("P0-RPC-01", "P0-USR-20"),
    hint="The call was well made; the application says no. That has codes of its own.",
)
def test_an_unknown_row_is_an_application_error(api: Api) -> None:
    """A call for an unknown row is error -32004 with the row's problem code in data."""
    user_id = unknown_id(api, "users")

    for method in ("users.get", "users.delete"):
        found = error(call(api, method, {"id": user_id}), -32004)
        assert found["data"]["code"] == "user_not_found", f"{method} answered {found}"
    found = error(call(api, "posts.get", {"id": 2**62}), -32004)
    assert found["data"]["code"] == "post_not_found", f"posts.get answered {found}"


@check(
    "P0-RPC-10", needs=("P0-RPC-01", "P0-PST-11"), hint="A conflict is a conflict at either door."
)
def test_a_conflict_is_an_application_error(api: Api) -> None:
    """A conflict is error -32009 with the problem's code in data."""
    user = new_user(api)
    new_post(api, user["id"])

    taken = error(call(api, "users.create", user_fields(email=user["email"])), -32009)
    assert taken["data"]["code"] == "email_taken", f"got {taken}"
    kept = error(call(api, "users.delete", {"id": user["id"]}), -32009)
    assert kept["data"]["code"] == "user_has_posts", f"got {kept}"


@check(
    "P0-RPC-11",
    needs=("P0-RPC-06",),
    hint="A batch is many calls in one request: what is answered for the one that fails?",
)
def test_a_batch_answers_each_call(api: Api) -> None:
    """A batch answers one response per call, each under its own id."""
    batch = [
        {"jsonrpc": "2.0", "method": "users.list", "params": {"limit": 1}, "id": "a"},
        {"jsonrpc": "2.0", "method": "users.explode", "id": "b"},
        {"jsonrpc": "2.0", "method": "users.list", "params": {"limit": 1}},
        {"jsonrpc": "2.0", "method": "posts.list", "params": {"limit": 1}, "id": 3},
    ]

    responses = expect(api.post("/rpc", json=batch), 200).json()

    by_id = {response.get("id"): response for response in responses}
    assert len(responses) == len(by_id) == 3, f"three calls wanted an answer, got {responses}"
    assert "result" in by_id["a"]
    assert "result" in by_id[3]
    error(by_id["b"], -32601)


@check(
    "P0-RPC-12",
    needs=("P0-RPC-05",),
    hint="Is an empty list a batch? And is a list of rubbish one mistake, or several?",
)
def test_an_odd_batch_is_an_invalid_request(api: Api) -> None:
    """An empty batch is one error -32600; rubbish in a batch is one for each piece."""
    refused_outright(api, b"[]", -32600)

    answer = expect(api.post("/rpc", content=b"[1, {}, []]", headers=JSON), 200)

    responses: list[Fields] = answer.json()
    assert type(responses) is list, f"a batch is answered by a list, got {responses}"
    assert len(responses) == 3, f"three errors for three pieces of rubbish, got {responses}"
    for response in responses:
        error(well_formed(response, None), -32600)


@check("P0-RPC-13", needs=("P0-RPC-01",), hint="No id, no answer. But is the work done?")
def test_a_notification_is_carried_out_silently(api: Api) -> None:
    """Calls without an id, alone or in a batch, are carried out and answered 204."""
    first, second = user_fields(), user_fields()
    create: Fields = {"jsonrpc": "2.0", "method": "users.create"}

    expect(api.post("/rpc", json=create | {"params": first}), 204)
    expect(api.post("/rpc", json=[create | {"params": second}]), 204)

    for fields in (first, second):
        assert result(api, "users.list", {"email": fields["email"]})["total"] == 1


@check(
    "P0-RPC-14",
    needs=("P0-RPC-13",),
    hint="Whoever wants no answer doesn't want the bad news either.",
)
def test_a_failing_notification_is_silent(api: Api) -> None:
    """A notification that fails is answered 204 all the same."""
    for method in ("users.explode", "users.get"):
        expect(api.post("/rpc", json={"jsonrpc": "2.0", "method": method}), 204)


@check("P0-RPC-15", needs=("P0-RPC-01", "P0-USR-02"), hint="Two doors, one room.")
def test_rpc_and_rest_share_one_store(api: Api) -> None:
    """What RPC creates, changes and deletes, REST sees, and the other way around."""
    user = result(api, "users.create", user_fields())
    path = f"/users/{user['id']}"
    expect(api.get(path), 200, json=user)

    expect(api.patch(path, json={"name": "By REST"}), 200)
    assert result(api, "users.get", {"id": user["id"]}) == user | {"name": "By REST"}

    changed = result(api, "users.update", {"id": user["id"], "name": "By RPC"})
    assert changed == user | {"name": "By RPC"}, f"users.update answered {changed}"
    expect(api.get(path), 200, json=changed)

    result(api, "users.delete", {"id": user["id"]})
    expect_problem(api.get(path), 404, "user_not_found")


@check(
    "P0-RPC-16",
    needs=("P0-RPC-15", "P0-PST-01"),
    hint="Does the second resource go the same way as the first?",
)
def test_posts_have_the_same_methods(api: Api) -> None:
    """Posts are created, read, listed, replaced, updated and deleted by RPC."""
    user_id = new_user(api)["id"]
    post = result(api, "posts.create", [user_id, "Title", "Body"])
    key = {"id": post["id"]}
    assert post == key | {"user_id": user_id, "title": "Title", "body": "Body"}

    assert result(api, "posts.get", key) == post
    assert result(api, "posts.list", {"user_id": user_id})["items"] == [post]
    replaced = result(api, "posts.replace", post | {"title": "Replaced"})
    assert replaced == post | {"title": "Replaced"}
    assert result(api, "posts.update", key | {"body": ""}) == replaced | {"body": ""}
    result(api, "posts.delete", key)

    expect_problem(api.get(f"/posts/{post['id']}"), 404, "post_not_found")


@check(
    "P0-RPC-17",
    hint="RPC tunnels everything through one method of HTTP. Which, and what of the others?",
)
def test_rpc_is_reached_by_post(api: Api) -> None:
    """GET /rpc is 405 with Allow: POST, OPTIONS."""
    answer = expect_problem(api.get("/rpc"), 405, "method_not_allowed")

    assert allowed(answer) == {"POST", "OPTIONS"}, f"Allow says {answer.headers.get('Allow')!r}"
