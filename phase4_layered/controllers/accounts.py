"""Accounts, over HTTP."""

from fastapi import APIRouter, Response

from ..domain.accounts import NewRole, PasswordChange, SignUp
from ..domain.users import User
from ..services.accounts import AccountService
from ..services.users import UserService
from .auth import Admin, CurrentUser
from .context import Address
from .errors import BODY, problems
from .path import Id
from .rate_limit import headers_of
from .responses import created, no_content, ok
from .strict import StrictRoute
from .users import user_json


def routes(accounts: AccountService, users: UserService) -> APIRouter:
    """Make the routes for accounts."""
    router = APIRouter(route_class=StrictRoute, tags=["auth"])

    @router.post(
        "/auth/signup", status_code=201, response_model=User, responses=problems(409, 429, *BODY)
    )
    async def sign_up(address: Address, new: SignUp) -> Response:
        """Open an account, always as a user.

        It tells a stranger that an address has an account here. Hiding that takes letters ("you
        have an account already"), which this shop cannot send yet; so an address may ask only a few
        times.
        """
        user, allowance = await accounts.sign_up(address, new)
        answer = created(f"/users/{user.id}", user_json(user))
        answer.headers.update(headers_of(allowance))
        return answer

    @router.get("/auth/me", response_model=User, responses=problems())
    async def read_me(who: CurrentUser) -> Response:
        """Show who is asking."""
        return ok(user_json(await users.find(who, who.user_id)))

    @router.post("/auth/password", status_code=204, responses=problems(403, 409, 429, *BODY))
    async def change_password(
        who: CurrentUser, address: Address, change: PasswordChange
    ) -> Response:
        """Change one's password, and end every session but the one that asks.

        Whoever has stolen a session has no password, and is asked for it here. Whoever has stolen
        the password loses his sessions by this.
        """
        await accounts.change_password(who, address, change)
        return no_content()

    @router.put(
        "/users/{user_id}/role", response_model=User, responses=problems(403, 404, 409, *BODY)
    )
    async def change_role(who: Admin, user_id: Id, new: NewRole) -> Response:
        """Make a user an admin, or an admin a user; it counts from the next request on."""
        return ok(user_json(await accounts.change_role(who, user_id, new)))

    return router
