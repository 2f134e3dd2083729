"""The router: a path, a method, and what to say when one of them is not known."""

from http import HTTPStatus

import pytest

from phase0_raw_http.application import ROUTES, UsersAndPosts
from phase0_raw_http.errors import ServiceError
from phase0_raw_http.http_message import Request, RequestLine, Response
from phase0_raw_http.http_syntax import parse_request_line
from phase0_raw_http.router import Route, Router
from phase0_raw_http.store import Store


def answer(*_: object) -> Response:
    return Response(HTTPStatus.OK)


def line(method: str, target: str) -> RequestLine:
    return parse_request_line(f"{method} {target} HTTP/1.1".encode())


ROUTER = Router(
    [
        Route("GET", "/users", answer, ""),
        Route("POST", "/users", answer, ""),
        Route("DELETE", "/users/{id}", answer, ""),
        Route("GET", "/users/{id}/posts/{post}", answer, ""),
    ]
)


@pytest.mark.parametrize(
    ("method", "target", "arguments"),
    [
        ("GET", "/users?limit=1", []),
        ("HEAD", "/users", []),
        ("DELETE", "/users/7", ["7"]),
        ("DELETE", "/users/a%2Fb", ["a/b"]),
        ("DELETE", "/users/", [""]),
        ("GET", "/users/7/posts/caf%C3%A9", ["7", "café"]),
    ],
)
def test_a_route_is_found_with_its_arguments(
    method: str, target: str, arguments: list[str]
) -> None:
    assert ROUTER.find(line(method, target)) == (answer, arguments)


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("GET", "/", "not_found"),
        ("GET", "/Users", "not_found"),
        ("GET", "//users", "not_found"),
        ("GET", "/users/7/posts", "not_found"),
        ("PATCH", "/users", "not_implemented"),
        ("BREW", "/nowhere", "not_implemented"),
        ("get", "/users", "not_implemented"),
        ("DELETE", "/users", "method_not_allowed"),
        ("GET", "/users/7", "method_not_allowed"),
    ],
)
def test_each_way_of_finding_nothing_has_its_own_code(method: str, target: str, code: str) -> None:
    with pytest.raises(ServiceError) as error:
        ROUTER.find(line(method, target))

    assert error.value.code == code


def test_405_names_every_method_that_works() -> None:
    with pytest.raises(ServiceError) as error:
        ROUTER.find(line("DELETE", "/users"))

    assert error.value.headers == {"Allow": "GET, HEAD, POST, OPTIONS"}


@pytest.mark.parametrize(
    ("target", "allow"),
    [
        ("/users", "GET, HEAD, POST, OPTIONS"),
        ("/users/7", "DELETE, OPTIONS"),
        ("*", "GET, HEAD, POST, DELETE, OPTIONS"),
    ],
)
def test_options_is_answered_for_every_path_and_for_the_server(target: str, allow: str) -> None:
    handler, arguments = ROUTER.find(line("OPTIONS", target))

    response = handler(None, None, *arguments)

    assert (response.status, response.headers) == (204, {"Allow": allow})


def test_every_route_is_documented() -> None:
    page = UsersAndPosts(Store())(Request(line("GET", "/docs"), {})).body.decode()

    for route in ROUTES:
        assert f"{route.method:<7} {route.path}" in page


def test_a_failing_route_is_a_500_that_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Store):
        def get_user(self, user_id: int) -> object:  # pyright: ignore[reportIncompatibleMethodOverride]
            raise RuntimeError(f"secret {user_id}")

    response = UsersAndPosts(Broken())(Request(line("GET", "/users/42"), {}))

    assert response.status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert b'"code": "internal_error"' in response.body
    assert b"secret" not in response.body
    assert "RuntimeError: secret 42" in caplog.text
