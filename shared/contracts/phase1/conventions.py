"""What holds for every route: methods, problems, request ids, health, documentation."""

from __future__ import annotations

import re

from shared.contracts.kit import Api, Mismatch, check, expect, expect_problem, unique

from .givens import allowed, new_comment, new_post, new_user, user_fields

JSON = {"Content-Type": "application/json"}
COLLECTION = {"GET", "HEAD", "POST", "OPTIONS"}
ITEM = {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}
READ_ONLY = {"GET", "HEAD", "OPTIONS"}
REQUEST_ID = "X-Request-ID"


def routes(api: Api) -> dict[str, set[str]]:
    """Name every path that exists now, with its methods."""
    user = new_user(api)
    post = new_post(api, user["id"])
    comment = new_comment(api, post["id"], user["id"])
    return {
        "/users": COLLECTION,
        f"/users/{user['id']}": ITEM,
        f"/users/{user['id']}/summary": READ_ONLY,
        "/posts": COLLECTION,
        f"/posts/{post['id']}": ITEM,
        f"/posts/{post['id']}/comments": COLLECTION,
        f"/comments/{comment['id']}": ITEM,
        "/feed": READ_ONLY,
        "/healthz": READ_ONLY,
        "/readyz": READ_ONLY,
    }


@check("P1-HTTP-01", hint="Alive and ready are two questions: one of them asks the database, too.")
def test_the_server_says_that_it_is_alive_and_ready(api: Api) -> None:
    """GET /healthz answers 200 ok and GET /readyz 200 ready, both as JSON."""
    expect(api.get("/healthz"), 200, json={"status": "ok"}, headers=JSON)
    expect(api.get("/readyz"), 200, json={"status": "ready"}, headers=JSON)


@check(
    "P1-HTTP-02", hint="Does your documentation page need somebody else's server to be readable?"
)
def test_the_documentation_works_offline(api: Api) -> None:
    """GET /docs answers 200, and loads no script or style from another host."""
    page = expect(api.get("/docs"), 200).body.decode()

    loaded = re.findall(r"""<(?:script|link|img)\b[^>]*\b(?:src|href)=["']?([^"'\s>]+)""", page)

    foreign = [url for url in loaded if "//" in url and not url.startswith(api.base_url)]
    assert not foreign, f"/docs loads {foreign}"
    for url in (url for url in loaded if url.startswith("/")):
        expect(api.get(url), 200)


@check("P1-HTTP-03", hint="Does your router compare whole paths, or only how they begin?")
def test_an_unknown_path_is_404(api: Api) -> None:
    """A path that is no route is 404 not_found, in every method."""
    for path in ("/nope", "/user", "/usersx", "/users/1/posts", "/posts/1/comments/1", "/comments"):
        expect_problem(api.get(path), 404, "not_found")
        expect_problem(api.post(path, json={}), 404, "not_found")
        expect_problem(api.delete(path), 404, "not_found")


@check(
    "P1-HTTP-04", hint="The path is right and the method isn't. What would the client like to know?"
)
def test_a_wrong_method_is_405(api: Api) -> None:
    """A method that the path doesn't know is 405 with a complete Allow."""
    for path, methods in routes(api).items():
        for method in {"POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = api.request(method, path)
            expect_problem(answer, 405, "method_not_allowed")
            _expect_allow(path, methods, allowed(answer))


@check("P1-HTTP-05", needs=("P1-HTTP-04",), hint="OPTIONS asks what Allow answers.")
def test_options_lists_the_methods(api: Api) -> None:
    """OPTIONS on a known path is 204, with the same Allow as a 405."""
    for path, methods in routes(api).items():
        answer = expect(api.options(path), 204)
        _expect_allow(path, methods, allowed(answer))


@check("P1-HTTP-06", hint="HEAD asks for the very head that GET would send.")
def test_head_is_the_head_of_get(api: Api) -> None:
    """HEAD answers the same status, Content-Type and Content-Length as GET."""
    paths = [path for path, methods in routes(api).items() if "HEAD" in methods]
    unshared = [path for path in paths if path not in {"/users", "/posts", "/feed"}]
    empty = [f"{path}{unique('nobody')}" for path in ("/users?name=", "/posts?q=", "/feed?q=")]

    for path in (*unshared, *empty, "/users/0", "/users?limit=0", "/nope"):
        full, head = api.get(path), api.head(path)
        names = ("Content-Type", "Content-Length")
        expect(head, full.status, headers={name: full.headers.get(name) for name in names})


@check(
    "P1-HTTP-11",
    needs=("P1-HTTP-05", "P1-HTTP-06"),
    hint="The client knows that HEAD and 204 bring no body, so it reads yours as what?",
)
def test_answers_without_body_have_none(api: Api) -> None:
    """After HEAD, a 204 and a HEAD that is 404, the next answer begins where it should."""
    lines = ("HEAD /users", "OPTIONS /users", "HEAD /nope", "GET /healthz")
    host = f"Host: {api.host}:{api.port}\r\n"
    sent = f"\r\n{host}\r\n".join(f"{line} HTTP/1.1" for line in lines)

    answers = api.raw(f"{sent}\r\n{host}Connection: close\r\n\r\n".encode())

    got = [answer.status for answer in answers]
    assert got == [200, 204, 404, 200], f"expected 200, 204, 404, 200 on one connection, got {got}"


@check("P1-HTTP-07", needs=("P1-HTTP-03",), hint="Errors are read by programs first.")
def test_every_error_is_a_problem_document(api: Api) -> None:
    """Whatever goes wrong, the answer has the same members, and instance is the path asked for."""
    for answer, status, code in (
        (api.get("/nope?x=1"), 404, "not_found"),
        (api.get("/users/0"), 404, "user_not_found"),
        (api.get("/users?limit=0"), 400, "invalid_query"),
        (api.put("/users", json={}), 405, "method_not_allowed"),
        (api.post("/users", content=b"{", headers=JSON), 400, "malformed_json"),
        (api.post("/users", content=b"x"), 415, "unsupported_media_type"),
        (api.post("/users", json={}), 422, "invalid_payload"),
    ):
        problem = expect_problem(answer, status, code).json()
        words = f"{problem['title']} {problem['detail']}".lower()
        leaks = [word for word in ("traceback", "psycopg", "select ", "exception") if word in words]
        assert not leaks, f"{code}: the problem tells a stranger about the inside: {leaks}"


@check("P1-HTTP-08", hint="An id that the client chose lets it find its request in your log.")
def test_a_request_id_is_echoed(api: Api) -> None:
    """A well-formed X-Request-ID comes back unchanged, on success and on every error."""
    for request_id in ("a", "Az-09._", "x" * 128):
        headers = {REQUEST_ID: request_id}
        for answer, status in (
            (api.get("/healthz", headers=headers), 200),
            (api.post("/users", json=user_fields(), headers=headers), 201),
            (api.options("/users", headers=headers), 204),
            (api.get("/nope", headers=headers), 404),
            (api.get("/users/0", headers=headers), 404),
            (api.get("/users?limit=0", headers=headers), 400),
            (api.put("/users", json={}, headers=headers), 405),
            (api.post("/users", json={}, headers=headers), 422),
        ):
            expect(answer, status, headers=headers)


@check("P1-HTTP-09", needs=("P1-HTTP-08",), hint="What ends up in your log comes from a stranger.")
def test_a_bad_request_id_is_replaced(api: Api) -> None:
    """Without X-Request-ID, or with an ill-formed one, the server makes a new one each time."""
    made: list[str] = []
    for request_id in (None, None, "x" * 129, "with space", "semi;colon", "<script>", "a/b"):
        headers = {REQUEST_ID: request_id} if request_id else {}
        made.append(api.get("/healthz", headers=headers).headers[REQUEST_ID])

    assert len(set(made)) == len(made), f"the same id was made twice: {made}"
    for request_id in made:
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", request_id), f"ill-formed: {request_id!r}"


@check(
    "P1-HTTP-10", needs=("P1-USR-02",), hint="What a client sees is decided by its request alone."
)
def test_reading_changes_nothing(api: Api) -> None:
    """GET, HEAD and OPTIONS are safe: asked twice they answer the same."""
    user = new_user(api)

    for path in (f"/users/{user['id']}", f"/users/{user['id']}/summary"):
        first = api.get(path)
        api.head(path)
        api.options(path)
        assert first.json() == api.get(path).json(), f"{path} changed by being read"


def _expect_allow(path: str, expected: set[str], actual: set[str]) -> None:
    if actual != expected:
        raise Mismatch(f"Allow on {path}: expected {sorted(expected)}, got {sorted(actual)}")
