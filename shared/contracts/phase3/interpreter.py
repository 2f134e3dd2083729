"""Speaks for checks that know of no identity to a shop that wants to know who is asking."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from shared.contracts.gate import passed_by
from shared.contracts.kit import Answer, Api

from .givens import Account, as_user, log_in, new_password, sent_from
from .members import object_in, with_member, without_member

if TYPE_CHECKING:
    from shared.contracts.client import Extra, Params


class Interpreter(Api):
    """A client as phase 2's checks use it, for whom anybody may do anything.

    - Each request is the admin's, who may indeed do nearly anything.
    - Who is created as a user, signs up, with a password that is ours.
    - An order for such a user is asked for by that user: with their token, and without `user_id`.
    """

    def __init__(self, anybody: Api, admin: Api) -> None:
        super().__init__(anybody.base_url)
        self.exchanges = anybody.exchanges
        self._anybody = anybody
        self._admin = admin
        self._accounts: dict[int, Account] = {}
        self._buyers: dict[int, Api] = {}
        self._logging_in = threading.Lock()

    def request(
        self,
        method: str,
        path: str,
        params: Params = (),
        headers: Extra = None,
        content: bytes = b"",
    ) -> Answer:
        """Send any request as whoever may ask for it."""
        told = object_in(content) if method == "POST" else None
        if told is not None and path == "/users":
            return self._sign_up(headers, content)
        buyer = (told or {}).get("user_id")
        if path == "/orders" and type(buyer) is int and buyer in self._accounts:
            content = without_member(content, "user_id")
            return self._client_of(buyer).request(method, path, params, headers, content)
        return self._admin.request(method, path, params, headers, content)

    def _sign_up(self, headers: Extra, content: bytes) -> Answer:
        password = new_password()
        content = with_member(content, "password", password)
        answer = self._anybody.request(
            "POST", "/auth/signup", (), sent_from() | dict(headers or {}), content
        )
        if answer.status == 201:
            user = answer.json()
            self._accounts[user["id"]] = Account(user["id"], user["email"], password)
        return answer

    def _client_of(self, user_id: int) -> Api:
        """Return a client for a user. All users are logged in by then, not only this one.

        Else some of a race would stand at the gate, and the others still prove their passwords.
        """
        with self._logging_in, passed_by():
            for account in list(self._accounts.values()):
                if account.id not in self._buyers:
                    tokens = log_in(self._anybody, account)
                    self._buyers[account.id] = as_user(self._anybody, tokens)
        return self._buyers[user_id]
