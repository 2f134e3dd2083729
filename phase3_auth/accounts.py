"""Accounts: opening one, changing its password, and saying what its owner may do."""

import logging

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row

from .auth import Admin, CurrentUser
from .credentials import Account
from .database import connection, the_row
from .errors import BODY, Problem, not_found, problems
from .passwords import refuse_weak
from .responses import created, no_content, ok
from .schemas import Id, NewRole, PasswordChange, SignUp
from .security import address_of, now, security
from .sessions import end_sessions, lock_sessions_of_user, own_session
from .strict import StrictRoute
from .users import User, user_json, users_by_id, why_not

log = logging.getLogger(__package__)

router = APIRouter(route_class=StrictRoute, tags=["auth"])


@router.post(
    "/auth/signup", status_code=201, response_model=User, responses=problems(409, 429, *BODY)
)
async def sign_up(request: Request, new: SignUp) -> Response:
    """Open an account, always as a user.

    It tells a stranger that an address has an account here. Hiding that takes letters ("you
    have an account already"), which this shop cannot send yet; so an address may ask only a few
    times.
    """
    allowance = security(request).limits.signup(address_of(request))
    refuse_weak(new.password, field="password", about=(new.name, new.email))
    password_hash = await security(request).passwords.hash(new.password)
    async with connection(request) as conn:
        user = await insert_account(conn, new, password_hash)
    log.info("auth.signed_up user_id=%d", user.id)
    answer = created(f"/users/{user.id}", user_json(user))
    answer.headers.update(allowance.headers)
    return answer


@router.get("/auth/me", response_model=User, responses=problems())
async def read_me(request: Request, who: CurrentUser) -> Response:
    """Show who is asking."""
    user = await users_by_id.get(request, who.user_id)
    if user is None:
        raise not_found("user", who.user_id)
    return ok(user_json(user))


@router.post("/auth/password", status_code=204, responses=problems(403, 409, 429, *BODY))
async def change_password(request: Request, who: CurrentUser, change: PasswordChange) -> Response:
    """Change one's password, and end every session but the one that asks.

    Whoever has stolen a session has no password, and is asked for it here. Whoever has stolen
    the password loses his sessions by this.
    """
    user = await users_by_id.get(request, who.user_id)
    async with connection(request) as conn:
        account = await select_account(conn, who.user_id)
    if user is None or account is None:
        raise not_found("user", who.user_id)
    await refuse_wrong_password(request, account, change.current_password)
    refuse_weak(change.new_password, field="new_password", about=(user.name, user.email))
    password_hash = await security(request).passwords.hash(change.new_password)
    async with connection(request) as conn, conn.transaction():
        if not await update_password(conn, account, password_hash):
            raise wrong_password()
        ours = await own_session(conn, who.jti, who.session_id)
        all_of_them = await lock_sessions_of_user(conn, who.user_id)
        await end_sessions(conn, [each for each in all_of_them if each != ours], now(request))
    log.info("auth.password_changed user_id=%d", who.user_id)
    return no_content()


@router.put("/users/{user_id}/role", response_model=User, responses=problems(403, 404, 409, *BODY))
async def change_role(request: Request, who: Admin, user_id: Id, new: NewRole) -> Response:
    """Make a user an admin, or an admin a user; it counts from the next request on."""
    async with connection(request) as conn:
        user = await update_role(conn, user_id, new.role)
        if user is None:
            raise await why_not(conn, user_id)
    log.info("auth.role_changed user_id=%d role=%s by=%d", user_id, new.role, who.user_id)
    return ok(user_json(user))


async def refuse_wrong_password(request: Request, account: Account, password: str) -> None:
    """Refuse whoever doesn't know the password; the tries are counted as those of a login."""
    if account.password_hash is None:
        detail = "This account has no password: its owner comes in through the provider."
        raise Problem(409, "no_password", detail)
    limits, address = security(request).limits, address_of(request)
    limits.before_login(address, account.email)
    if not await security(request).passwords.verify(password, account.password_hash):
        log.info("auth.wrong_password user_id=%d", account.id)
        raise wrong_password()
    limits.after_login(address, account.email)


def wrong_password() -> Problem:
    """403: we know who is asking, and it may not be the one he claims to be."""
    return Problem(403, "wrong_password", "The current password is wrong.")


# ---------------------------------------------------------------- SQL


async def insert_account(conn: AsyncConnection, new: SignUp, password_hash: str) -> User:
    """Add a user with a password; an e-mail that is taken breaks `users_email_key`."""
    cursor = await conn.cursor(row_factory=class_row(User)).execute(
        """
        INSERT INTO users (name, email, password_hash)
        VALUES (%(name)s, %(email)s, %(password_hash)s)
        RETURNING id, name, email, role, created_at
        """,
        {"name": new.name, "email": new.email, "password_hash": password_hash},
    )
    return await the_row(cursor)


async def select_account(conn: AsyncConnection, user_id: int) -> Account | None:
    """Find the account of a user."""
    cursor = await conn.cursor(row_factory=class_row(Account)).execute(
        """
        SELECT id, email, password_hash, password_version
          FROM users
         WHERE id = %(id)s
        """,
        {"id": user_id},
    )
    return await cursor.fetchone()


async def update_password(conn: AsyncConnection, account: Account, password_hash: str) -> bool:
    """Put a new password in the place of the one that was given; False if that is gone by now."""
    cursor = await conn.execute(
        """
        UPDATE users
           SET password_hash = %(password_hash)s,
               password_version = password_version + 1
         WHERE id = %(id)s
           AND password_version = %(version)s
        """,
        {"id": account.id, "version": account.password_version, "password_hash": password_hash},
    )
    return cursor.rowcount == 1


async def update_role(conn: AsyncConnection, user_id: int, role: str) -> User | None:
    """Change a user's role, unless that would leave nobody to change it back.

    Two admins who demote each other at once: both go through the admins in the order of their ids,
    and lock each until there is one who would stay. So both begin with the same row, and the second
    waits there, is shown the admins as the first has left them, and finds himself the last.
    """
    cursor = await conn.cursor(row_factory=class_row(User)).execute(
        """
        WITH admins AS MATERIALIZED (
            SELECT id
              FROM users
             WHERE role = 'admin'
             ORDER BY id
               FOR NO KEY UPDATE
        )
        UPDATE users
           SET role = %(role)s
         WHERE id = %(id)s
           AND (role <> 'admin'
                OR %(role)s = 'admin'
                OR EXISTS (SELECT FROM admins WHERE admins.id <> %(id)s))
        RETURNING id, name, email, role, created_at
        """,
        {"id": user_id, "role": role},
    )
    return await cursor.fetchone()
