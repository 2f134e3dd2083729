"""The till's commands as a client of the service carries them out, over HTTP."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ._till import again

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


class ByHttp:
    """An admin who sells, restocks and cancels by requests."""

    def __init__(self, http: httpx.Client, credentials: Mapping[str, str]) -> None:
        self._http = http
        token = self._http.post("/auth/login", json=credentials).raise_for_status().json()
        self._http.headers["Authorization"] = f"Bearer {token['access_token']}"
        self._placed: dict[str, str] = {}

    def obey(self, line: str) -> str:
        """Carry out a line; returns what came of it, in the till's words."""
        word, *arguments = shlex.split(line)
        answer = getattr(self, f"_{word}")(*arguments)
        return answer if isinstance(answer, str) else refusal(answer.json())

    def _product(self, sku: str, name: str, price: str, stock: str = "0") -> str | httpx.Response:
        fields = {"sku": sku, "name": name, "price": int(price), "stock": int(stock)}
        answer = self._http.post("/products", json=fields)
        if answer.is_error:
            return answer
        made = answer.json()
        return f"{made['sku']}: {made['stock']} pieces at {made['price']}"

    def _restock(self, sku: str, quantity: str, key: str) -> str | httpx.Response:
        found = self._find(sku)
        path, headers = f"/products/{found['id']}/restock", {"Idempotency-Key": key}
        answer = self._http.post(path, json={"quantity": int(quantity)}, headers=headers)
        if answer.is_error:
            return answer
        return f"{answer.json()['quantity']:+} pieces{as_before(answer)}"

    def _order(self, key: str, *lines: str) -> str | httpx.Response:
        parts = [line.partition("x") for line in lines]
        asked = [(self._find(sku), int(quantity)) for quantity, _, sku in parts]
        if any(product is None for product, _ in asked):
            return "refused: product_not_found"
        items = [{"product_id": product["id"], "quantity": count} for product, count in asked]
        headers = {"Idempotency-Key": key}
        answer = self._http.post("/orders", json={"items": items}, headers=headers)
        if answer.is_error:
            return answer
        self._placed[key] = answer.headers["location"]
        return f"placed, {answer.json()['total']} in all{as_before(answer)}"

    def _cancel(self, key: str) -> str | httpx.Response:
        answer = self._http.post(f"{self._placed.get(key, '/orders/0')}/cancel")
        return answer if answer.is_error else answer.json()["status"]

    def _stock(self, sku: str) -> str:
        return f"{self._find(sku)['stock']} pieces"

    def _find(self, sku: str) -> Any:  # noqa: ANN401 -- a product as JSON, or None
        found = self._http.get("/products", params={"sku": sku}).raise_for_status().json()
        return found["items"][0] if found["items"] else None


def refusal(problem: Mapping[str, Any]) -> str:
    """Say why not, as the till does."""
    if problem["code"] == "invalid_payload":
        return f"refused: {problem['errors'][0]['field']}: {problem['errors'][0]['message']}"
    return f"refused: {problem['code']}"


def as_before(answer: httpx.Response) -> str:
    """Say that something had been done before."""
    return again(replayed="idempotent-replayed" in answer.headers)
