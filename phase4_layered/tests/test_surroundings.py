"""What surrounds a request: its id, its log line, its headers, and a crash that stays inside."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import psycopg

from shared.witness import eventually

from .conftest import new_user

if TYPE_CHECKING:
    import httpx

    from shared.servers import Server


def test_a_request_leaves_one_line_with_its_route_and_its_id(
    http: httpx.Client, server: Server
) -> None:
    user = new_user(http)

    http.get(f"/users/{user}?x=%0Aforged", headers={"X-Request-ID": "line-1"})

    eventually(lambda: "request_id=line-1" in server.log())
    (line,) = [line for line in server.log().splitlines() if "request_id=line-1" in line]
    assert re.search(
        rf" INFO http\.request method=GET path=/users/{user}"
        r" route=/users/\{user_id\} status=400 ms=\d+\.\d\d request_id=line-1$",
        line,
    )


def test_head_is_logged_as_head(http: httpx.Client, server: Server) -> None:
    http.head("/users", headers={"X-Request-ID": "head-1"})

    eventually(lambda: "request_id=head-1" in server.log())
    assert "method=HEAD path=/users route=/users status=200" in server.log()


def test_an_id_that_could_forge_a_line_is_replaced(http: httpx.Client) -> None:
    for bad in ("two words", "a" * 129, "a=b", ""):
        answer = http.get("/healthz", headers={"X-Request-ID": bad})

        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


def test_a_crash_is_told_to_the_log_and_not_to_the_client(
    http: httpx.Client, server: Server, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("ALTER TABLE orders RENAME TO deals")
        try:
            answer = http.get("/orders", headers={"X-Request-ID": "crash-1"})
        finally:
            conn.execute("ALTER TABLE deals RENAME TO orders")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "crash-1"
    assert answer.json()["code"] == "internal_error"
    assert not re.search("psycopg|Traceback|relation|SELECT", answer.text)
    log = server.log()
    assert "http.crash request_id=crash-1" in log
    assert 'relation "orders" does not exist' in log
    assert http.get("/orders").status_code == 200


def test_clients_that_leave_early_leave_no_traceback(http: httpx.Client, server: Server) -> None:
    address = (http.base_url.host, http.base_url.port or 80)
    for _ in range(50):
        with socket.create_connection(address) as client:
            client.sendall(b"GET /orders HTTP/1.1\r\nHost: a\r\nX-Request-ID: gone\r\n\r\n" * 3)

    http.get("/healthz", headers={"X-Request-ID": "still-here"})

    eventually(lambda: "request_id=still-here" in server.log())
    assert "request_id=gone" in server.log()
    assert "handler is closed" not in server.log()


def test_every_answer_carries_the_security_headers(http: httpx.Client) -> None:
    for path in ("/healthz", "/users", "/nowhere", "/users/0", "/docs"):
        headers = http.get(path).headers

        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_a_body_is_counted_even_if_it_announces_no_length(http: httpx.Client) -> None:
    pieces = (b'{"name": "' if number == 0 else b"a" * 1000 for number in range(300))

    answer = http.post("/users", content=pieces, headers={"Content-Type": "application/json"})

    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert http.get("/healthz").status_code == 200


def test_the_docs_need_no_other_host(http: httpx.Client) -> None:
    page = http.get("/docs").text

    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    for source in sources:
        assert source.startswith("/")
        assert http.get(source).status_code == 200


def test_a_name_that_an_object_holds_twice_is_refused(http: httpx.Client) -> None:
    body = '{"name": "Ada", "name": "Eve", "email": "twice@example.com"}'

    answer = http.post("/users", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
