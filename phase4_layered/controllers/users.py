"""Users, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter

from ..domain.paging import Page
from ..domain.users import NewUser, User, UserChanges, UserQuery, UserSummary
from ..services.users import UserService
from .auth import FOR_ADMINS, CurrentUser
from .errors import BODY, problems
from .path import Id
from .responses import created, no_content, ok
from .strict import StrictRoute

user_json = TypeAdapter(User).dump_json
summary_json = TypeAdapter(UserSummary).dump_json
users_json = TypeAdapter(Page[User]).dump_json


def routes(users: UserService) -> APIRouter:
    """Make the routes for users."""
    router = APIRouter(route_class=StrictRoute, tags=["users"])

    @router.get("/users/{user_id}", response_model=User, responses=problems(404))
    async def read_user(who: CurrentUser, user_id: Id) -> Response:
        """Show oneself, or to an admin anybody; others are as unknown as users that never were."""
        return ok(user_json(await users.find(who, user_id)))

    @router.get(
        "/users", dependencies=FOR_ADMINS, response_model=Page[User], responses=problems(400)
    )
    async def list_users(query: Annotated[UserQuery, Query()]) -> Response:
        """List users, a page at a time."""
        return ok(users_json(await users.page(query)))

    @router.post(
        "/users",
        status_code=201,
        dependencies=FOR_ADMINS,
        response_model=User,
        responses=problems(409, *BODY),
    )
    async def create_user(new: NewUser) -> Response:
        """Create a user without a password, who can come in through the provider."""
        user = await users.create(new)
        return created(f"/users/{user.id}", user_json(user))

    @router.put(
        "/users/{user_id}",
        dependencies=FOR_ADMINS,
        response_model=User,
        responses=problems(404, 409, *BODY),
    )
    async def replace_user(user_id: Id, new: NewUser) -> Response:
        """Replace every field of a user."""
        return ok(user_json(await users.replace(user_id, new)))

    @router.patch("/users/{user_id}", response_model=User, responses=problems(404, 409, *BODY))
    async def change_user(who: CurrentUser, user_id: Id, changes: UserChanges) -> Response:
        """Change some fields of a user and leave the others.

        One may change one's own name. An e-mail address is what people are known by at a login, so
        that takes an admin.
        """
        return ok(user_json(await users.change(who, user_id, changes)))

    @router.delete(
        "/users/{user_id}", status_code=204, dependencies=FOR_ADMINS, responses=problems(404, 409)
    )
    async def remove_user(user_id: Id) -> Response:
        """Delete a user who has ordered nothing, and is not the last admin."""
        await users.remove(user_id)
        return no_content()

    @router.get("/users/{user_id}/summary", response_model=UserSummary, responses=problems(404))
    async def read_summary(who: CurrentUser, user_id: Id) -> Response:
        """Show oneself, or to an admin anybody, with what they have ordered."""
        return ok(summary_json(await users.summary(who, user_id)))

    return router
