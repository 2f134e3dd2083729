"""Rate limits: how often somebody may try, and who somebody is."""

from __future__ import annotations

from itertools import cycle

from shared.contracts.kit import Answer, Api, check, expect, expect_problem, raced, unique

from .givens import (
    Account,
    log_in,
    new_account,
    new_address,
    new_customer,
    new_password,
    refreshed,
    signup_fields,
    try_login,
    try_refresh,
    try_session,
    try_signup,
)
from .logout import try_change
from .tries import expect_limited, policy_told, until_limited

OTHER_HEADERS = (
    "X-Real-IP",
    "X-Client-IP",
    "X-Remote-IP",
    "X-Remote-Addr",
    "X-Originating-IP",
    "X-Cluster-Client-IP",
    "X-Forwarded",
    "X-Forwarded-Host",
    "Forwarded-For",
    "Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
)
"""Headers in which some proxy tells an address, and which others pass on as they came."""


def try_wrongly(api: Api, email: str, address: str) -> Answer:
    """Try a password that is nobody's."""
    return try_login(api, email, new_password(), address)


def until_locked(api: Api, account: Account, address: str) -> int:
    """Try wrong passwords from an address until it may not any more; returns how many it were."""
    return until_limited(lambda: try_wrongly(api, account.email, address), 401)


@check(
    "P3-LIM-01",
    needs=("P3-LOG-01",),
    hint="How many passwords a second can somebody try here, and what stops them?",
)
def test_trying_passwords_ends(anybody: Api) -> None:
    """After some wrong passwords: 429 rate_limited, Retry-After and RateLimit, right ones, too."""
    account, address = new_account(anybody), new_address()

    until_locked(anybody, account, address)

    expect_limited(try_login(anybody, account.email, account.password, address))


@check(
    "P3-LIM-02",
    needs=("P3-LIM-01",),
    hint="Somebody who knows her address wants her to be unable to log in. What does he do?",
)
def test_a_stranger_locks_nobody_out(anybody: Api) -> None:
    """Who tries wrong passwords locks out himself: the owner logs in from where she is."""
    account, home = new_account(anybody), new_address()
    expect(try_login(anybody, account.email, account.password, home), 200)

    for stranger in (new_address(), new_address()):
        until_locked(anybody, account, stranger)

    for address in (home, new_address()):
        expect(try_login(anybody, account.email, account.password, address), 200)


@check(
    "P3-LIM-03",
    needs=("P3-LIM-01",),
    hint="People mistype, and then they get it right. How often in a quarter of an hour?",
)
def test_a_success_begins_anew(anybody: Api) -> None:
    """The right password takes the wrong ones before it back."""
    account, address = new_account(anybody), new_address()
    passed = until_locked(anybody, account, new_address())

    for _ in range(2):
        for _ in range(passed - 1):
            answer = try_wrongly(anybody, account.email, address)
            expect_problem(answer, 401, "invalid_credentials")
        expect(try_login(anybody, account.email, account.password, address), 200)


@check(
    "P3-LIM-04",
    needs=("P3-LIM-01",),
    hint="Whose tries do you count, if there is nobody of that name? And what does that tell?",
)
def test_an_unknown_address_is_limited_as_any(anybody: Api) -> None:
    """Tries at an e-mail without an account are stopped after as many as those at one with."""
    known, unknown = new_account(anybody), Account(0, f"{unique('nobody')}@example.org", "")

    assert until_locked(anybody, unknown, new_address()) == until_locked(
        anybody, known, new_address()
    )


@check(
    "P3-LIM-05",
    needs=("P3-LIM-01", "P3-LOG-02"),
    hint="ada@, Ada@, aDa@: for the login it is one account. For the counter?",
)
def test_the_case_of_an_address_gives_no_more_tries(anybody: Api) -> None:
    """Tries are counted together, however the e-mail is written."""
    account, address = new_account(anybody), new_address()
    ways = cycle((account.email.lower(), account.email.upper(), account.email.title()))

    until_limited(lambda: try_wrongly(anybody, next(ways), address), 401)


@check(
    "P3-LIM-06",
    needs=("P3-LIM-01", "P3-COO-01"),
    hint="Two doors to one account, and a guard with a list at each.",
)
def test_both_logins_are_counted_together(anybody: Api) -> None:
    """Tries by POST /auth/login and by POST /auth/session are counted together."""
    account, address = new_account(anybody), new_address()
    doors = cycle((try_login, try_session))

    until_limited(lambda: next(doors)(anybody, account.email, new_password(), address), 401)


@check(
    "P3-LIM-07",
    needs=("P3-LIM-01",),
    hint="A list of addresses: which one did your proxy write, and which ones a stranger?",
)
def test_only_the_proxys_word_counts(anybody: Api) -> None:
    """Of X-Forwarded-For the last address counts; those before it anybody can make up."""
    account, address = new_account(anybody), new_address()

    def made_up() -> str:
        return f"{new_address()}, 198.51.100.7, {address}"

    until_limited(lambda: try_wrongly(anybody, account.email, made_up()), 401)

    expect_limited(try_login(anybody, account.email, account.password, address))
    elsewhere = f"{address}, {new_address()}"
    expect(try_login(anybody, account.email, account.password, elsewhere), 200)


@check(
    "P3-LIM-08",
    needs=("P3-LIM-07",),
    hint="Your proxy writes one header. Who wrote the others?",
)
def test_other_headers_are_nobodys_word(anybody: Api) -> None:
    """Another address in X-Real-IP, Forwarded or the like is no way around a limit."""
    account, address = new_account(anybody), new_address()
    until_locked(anybody, account, address)
    fields = {"email": account.email, "password": account.password}
    for name in (*OTHER_HEADERS, "Forwarded"):
        told = new_address()
        value = f'for="[{told}]"' if name == "Forwarded" else told

        answer = anybody.post(
            "/auth/login", json=fields, headers={name: value, "X-Forwarded-For": address}
        )

        expect_limited(answer)


@check(
    "P3-LIM-09",
    needs=("P3-LIM-07",),
    hint="How many addresses does one household have, in IPv6?",
)
def test_a_network_is_one_client(anybody: Api) -> None:
    """All addresses of one IPv6 network (/64) share their tries."""
    account, network = new_account(anybody), new_address().removesuffix("1")
    ends = cycle(("1", "2", "b:c:d", "ffff", "dead:beef"))

    until_limited(lambda: try_wrongly(anybody, account.email, f"{network}{next(ends)}"), 401)

    expect(try_login(anybody, account.email, account.password, new_address()), 200)


@check(
    "P3-LIM-10",
    needs=("P3-LIM-01",),
    hint="One password, and a thousand accounts to try it on. Which of your counters moves?",
)
def test_an_address_tries_only_so_many_accounts(anybody: Api) -> None:
    """Tries at one account after the other from one address are stopped; other addresses aren't."""
    address = new_address()

    until_limited(lambda: try_wrongly(anybody, f"{unique('nobody')}@example.org", address), 401)

    other = try_wrongly(anybody, f"{unique('nobody')}@example.org", new_address())
    expect_problem(other, 401, "invalid_credentials")


@check(
    "P3-LIM-11",
    needs=("P3-SGN-03",),
    hint="The signup tells who has an account here. How often will it answer the question?",
)
def test_signups_are_limited(anybody: Api) -> None:
    """Signups from one address are stopped, whatever became of them; others go on."""
    taken, address = new_account(anybody).email, new_address()

    until_limited(lambda: try_signup(anybody, signup_fields(email=taken), address), 409)

    expect_limited(try_signup(anybody, signup_fields(), address))
    expect(try_signup(anybody, signup_fields(), new_address()), 201)


@check(
    "P3-LIM-12",
    needs=("P3-RFR-06",),
    hint="A token cannot be guessed. What else do endless tries cost?",
)
def test_refreshing_is_limited(anybody: Api) -> None:
    """Exchanges of refresh tokens from one address are stopped; others go on."""
    tokens, address = log_in(anybody, new_account(anybody)), new_address()

    until_limited(lambda: try_refresh(anybody, new_password(), address), 401)

    expect_limited(try_refresh(anybody, tokens.refresh, address))
    refreshed(anybody, tokens)


@check(
    "P3-LIM-13",
    needs=("P3-LIM-01", "P3-OUT-10"),
    hint="Whoever has stolen a session lacks the password. Where else can it be tried?",
)
def test_guessing_the_current_password_ends(anybody: Api) -> None:
    """Wrong current passwords in a change of password are limited as those in a login."""
    customer, address = new_customer(anybody), new_address()

    until_limited(lambda: try_change(customer.api, new_password(), new_password(), address), 403)

    right = try_change(customer.api, customer.account.password, new_password(), address)
    expect_limited(right)
    log_in(anybody, customer.account)


@check(
    "P3-LIM-14",
    needs=("P3-LIM-01",),
    hint="Do you count a try before you look at its password, or after? How long is that?",
)
def test_tries_at_once_are_counted(anybody: Api) -> None:
    """Of twenty wrong passwords at once no more are looked at than of twenty in a row."""
    account, address = new_account(anybody), new_address()

    answers = raced(20, lambda _: try_wrongly(anybody, account.email, address))

    refused = [answer for answer in answers if answer.status == 429]
    for answer in answers:
        if answer.status != 429:
            expect_problem(answer, 401, "invalid_credentials")
    assert refused, "all twenty were looked at"
    quota = expect_limited(refused[0]).quota
    looked_at = len(answers) - len(refused)
    assert looked_at <= quota, f"{looked_at} were looked at, and the policy says {quota}"


@check(
    "P3-LIM-15",
    needs=("P3-LIM-01", "P3-RFR-01"),
    hint="How does a client slow down in time, if it is told only when it is too late?",
)
def test_what_is_left_is_told(anybody: Api) -> None:
    """Login, signup and refresh tell the policy and what is left of it, in RateLimit headers."""
    fields, address = signup_fields(), new_address()
    signup = expect(try_signup(anybody, fields, address), 201)
    login = expect(try_login(anybody, fields["email"], fields["password"], address), 200)
    token = login.json()["refresh_token"]
    refresh = expect(try_refresh(anybody, token, address), 200)

    for answer in (signup, login, refresh):
        policy = policy_told(answer)
        told = f"{policy.left} of {policy.quota} are left, in {policy.window} s"
        assert 0 < policy.left <= policy.quota, told
        assert policy.window > 0, told
