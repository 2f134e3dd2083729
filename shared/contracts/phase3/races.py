"""Races for identity: many at once, judged by what opens something when they are through."""

from __future__ import annotations

from shared.contracts.kit import (
    Answer,
    Api,
    check,
    expect,
    expect_problem,
    raced,
    tally,
    unique,
)
from shared.contracts.phase2.givens import ids, new_product, stock_of

from .givens import (
    Account,
    Tokens,
    as_user,
    expect_unauthenticated,
    log_in,
    new_account,
    new_address,
    new_customer,
    new_password,
    refreshed,
    signup_fields,
    tokens_in,
    try_login,
    try_order,
    try_refresh,
    try_signup,
)
from .logout import try_change
from .refresh import expect_dead

ROUNDS = 8
"""Rounds after which a race that can be lost has been lost."""

SLOW_ROUNDS = 3
"""As many of a race in which passwords are hashed, which is slow on purpose."""


@check(
    "P3-RACE-01",
    needs=("P3-RFR-03",),
    hint="Twenty tabs of one page wake up. Looking whether a token is used, and using it: is that "
    "one step, or two?",
)
def test_one_of_many_exchanges_a_token(anybody: Api) -> None:
    """Twenty exchange one refresh token at once: it has one successor, and the family goes on."""
    account = new_account(anybody)
    for _ in range(SLOW_ROUNDS):
        first = log_in(anybody, account)

        answers = raced(20, lambda _, token=first.refresh: try_refresh(anybody, token))

        given = tokens_or_none(answers)
        assert given, "nobody got new tokens"
        successors = {tokens.refresh for tokens in given}
        assert len(successors) == 1, f"one token has {len(successors)} successors"
        last = refreshed(anybody, given[0])
        expect(as_user(anybody, last).get("/auth/me"), 200)
        expect(as_user(anybody, last).post("/auth/logout"), 204)
        expect_dead(anybody, first, *given, last)


@check(
    "P3-RACE-02",
    needs=("P3-OUT-02",),
    hint="Which tokens did you look for when you logged out, and which one was just being made?",
)
def test_nothing_survives_a_logout(anybody: Api) -> None:
    """Refreshing on and on while one logs out: whatever it gave is good for nothing afterwards."""
    account = new_account(anybody)
    for _ in range(ROUNDS):
        first = log_in(anybody, account)
        user = as_user(anybody, first)

        refreshes, (left,) = raced(
            2,
            lambda n, user=user, token=first.refresh: (
                [user.post("/auth/logout")] if n else refresh_until_refused(anybody, token)
            ),
        )

        expect(left, 204)
        expect_dead(anybody, first, *tokens_or_none(refreshes))


@check(
    "P3-RACE-03",
    needs=("P3-OUT-08",),
    hint="A login looks at the password, takes its time, and opens a session. What may have "
    "happened meanwhile?",
)
def test_nothing_survives_a_change_of_password(anybody: Api) -> None:
    """Logins with the old password while it is changed: none of them is in afterwards."""
    account = new_account(anybody)
    for _ in range(SLOW_ROUNDS):
        asking, new = as_user(anybody, log_in(anybody, account)), new_password()
        addresses = [new_address() for _ in range(4)]

        outcomes = raced(
            4,
            lambda n, old=account, new=new, asking=asking, addresses=addresses: (
                log_in_until_refused(anybody, old, addresses[n])
                if n
                else [try_change(asking, old.password, new)]
            ),
        )

        expect(outcomes[0][0], 204)
        expect_dead(anybody, *tokens_in_all(outcomes[1:]))
        account = Account(account.id, account.email, new)
        log_in(anybody, account)


@check(
    "P3-RACE-04",
    needs=("P3-OUT-07",),
    hint="Both have proven the same password. Which of the two new ones is it now, and what was "
    "the other one told?",
)
def test_one_of_two_changes_a_password(anybody: Api) -> None:
    """Two change one password at once: one gets 204, and its password is the one that opens."""
    account = new_account(anybody)
    for _ in range(SLOW_ROUNDS):
        user, new = as_user(anybody, log_in(anybody, account)), [new_password(), new_password()]

        answers = raced(
            2, lambda n, old=account.password, user=user, new=new: try_change(user, old, new[n])
        )

        tally(answers, s204=1, s403=1)
        winner = 0 if answers[0].status == 204 else 1
        expect_problem(answers[1 - winner], 403, "wrong_password")
        account = Account(account.id, account.email, new[winner])
        log_in(anybody, account)
        loser = try_login(anybody, account.email, new[1 - winner])
        expect_problem(loser, 401, "invalid_credentials")


@check(
    "P3-RACE-05",
    needs=("P3-SGN-03",),
    hint="Between looking whether it's free and taking it…",
)
def test_one_of_many_gets_an_address(anybody: Api) -> None:
    """Six sign up at once with one e-mail, in upper and lower case: one gets 201, five get 409."""
    for _ in range(SLOW_ROUNDS):
        email = f"{unique('ada')}@example.org"
        spellings = (email, email.upper(), email.title())
        new = [signup_fields(email=spellings[n % 3]) for n in range(6)]

        answers = raced(6, lambda n, new=new: try_signup(anybody, new[n]))

        tally(answers, s201=1, s409=5)
        for fields, answer in zip(new, answers, strict=True):
            if answer.status == 201:
                expect(try_login(anybody, email, fields["password"]), 200)
            else:
                expect_problem(answer, 409, "email_taken")


@check(
    "P3-RACE-06",
    needs=("P3-OWN-07",),
    hint="Two users, one key, one instant. What is locked: the key, or the key of a user?",
)
def test_one_key_of_two_users_is_two_keys(anybody: Api, admin: Api) -> None:
    """Two users order at once with the same Idempotency-Key: both get 201, each an order."""
    users = [new_customer(anybody) for _ in range(2)]
    product = new_product(admin, stock=100)["id"]
    for _ in range(ROUNDS):
        key = unique("key")

        answers = raced(2, lambda n, key=key: try_order(users[n].api, {product: 1}, key))

        tally(answers, s201=2)
        for user, answer in zip(users, answers, strict=True):
            expect(answer, 201, json={"user_id": user.id})
    assert [len(ids(user.api.get("/orders"))) for user in users] == [ROUNDS, ROUNDS]
    assert stock_of(anybody, product) == 100 - 2 * ROUNDS


def log_in_until_refused(api: Api, account: Account, address: str) -> list[Answer]:
    """Log in again and again until the password is another one."""
    answers: list[Answer] = []
    for _ in range(10):
        answers.append(try_login(api, account.email, account.password, address))
        if answers[-1].status != 200:
            expect_problem(answers[-1], 401, "invalid_credentials")
            break
    return answers


def refresh_until_refused(api: Api, token: str) -> list[Answer]:
    """Exchange a token, then its successor, and so on until there is none."""
    answers = [try_refresh(api, token)]
    while answers[-1].status == 200 and len(answers) < 100:
        answers.append(try_refresh(api, tokens_in(answers[-1]).refresh))
    return answers


def tokens_or_none(answers: list[Answer]) -> list[Tokens]:
    """Read the tokens of exchanges that were granted; the others must be 401."""
    for answer in answers:
        if answer.status != 200:
            expect_unauthenticated(answer, "invalid_refresh_token")
    return [tokens_in(answer) for answer in answers if answer.status == 200]


def tokens_in_all(outcomes: list[list[Answer]]) -> list[Tokens]:
    """Read the tokens of all logins that were granted."""
    answers = [answer for outcome in outcomes for answer in outcome]
    return [tokens_in(answer) for answer in answers if answer.status == 200]
