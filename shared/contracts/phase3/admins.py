"""The first admin: the server has to have one, and whoever checks it has to know who that is."""

from __future__ import annotations

import time

from shared.contracts.kit import Answer, Api, Mismatch, check, expect

from .givens import Tokens, as_user, tokens_in, try_login

HOW_TO_GIVE_ONE = """
The checks need an admin, and log in as {email}.
- A command (CMD) finds ADMIN_EMAIL and ADMIN_PASSWORD in its environment. It is to see that there
  is such an admin before it serves.
- Of a server at a URL, say who is its admin: make grade … ADMIN_EMAIL=… ADMIN_PASSWORD=…"""


class FirstAdmin:
    """The admin as whom the checks speak: logged in once, and again before the token expires."""

    def __init__(self, email: str, password: str) -> None:
        self.email = email
        self._password = password
        self._tokens: Tokens | None = None
        self._good_until = 0.0

    def tokens(self, api: Api) -> Tokens:
        """Return tokens whose time is not half over."""
        now = time.monotonic()
        if self._tokens is None or now > self._good_until:
            self._tokens = tokens_in(self.log_in(api))
            self._good_until = now + self._tokens.lifetime / 2
        return self._tokens

    def log_in(self, api: Api) -> Answer:
        """Log in; a failure says what to do about it."""
        answer = try_login(api, self.email, self._password)
        if answer.status != 200:
            words = f"POST /auth/login: expected 200 OK, got {answer.status}"
            raise Mismatch(words + HOW_TO_GIVE_ONE.format(email=self.email), answer)
        return answer


@check(
    "P3-ADM-01", hint="Somebody has to be the first. Who makes them one, when nobody is an admin?"
)
def test_the_first_admin_logs_in(anybody: Api, first_admin: FirstAdmin) -> None:
    """There is an admin, who logs in with ADMIN_EMAIL and ADMIN_PASSWORD."""
    tokens = tokens_in(first_admin.log_in(anybody))

    me = as_user(anybody, tokens).get("/auth/me")

    expect(me, 200, json={"email": first_admin.email, "role": "admin"})
