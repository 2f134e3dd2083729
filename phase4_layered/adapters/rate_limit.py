"""How often a client may try to log in, sign up, refresh, or start at the provider.

Passwords are guessed in three ways, and each takes a limit that counts by another key:

- at one account from one place: by the pair of both,
- at many accounts from one place: by the address,
- at one account from many places: by the account, but not where its owner has logged in of late.

That exception keeps a stranger from locking the owner out: whatever is tried elsewhere does not
count where the owner is (the idea of OWASP's device cookies, with addresses in place of cookies).
Two things remain. While an account is under attack from many places, its owner cannot use the
password at an address that is new to us. And those who share an attacker's address (a household, an
office, customers of a mobile network) share the limits as well.

Counts and known addresses live in this process: they end with it, and a second process would have
its own.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from ..domain.errors import RateLimited
from ..domain.limits import Allowance

Clock = Callable[[], float]  # seconds since whenever; it is never set back
Rate = RateLimitItem  # so many in so long

KNOWN_FOR = 30 * 24 * 3600  # seconds, since the last login
MOST_KEYS = 100_000  # per limit: some 60 MB, if all are as long as can be

# ---------------------------------------------------------------- what settings say

# Less than the notation of `limits`, which takes the first of several limits and forgets the rest,
# takes "5/0 minutes" for one minute, and "0/minute" for what it says.
LIMIT = re.compile(
    "[1-9][0-9]{0,8} ?(/|per) ?([1-9][0-9]{0,3} ?)?(second|minute|hour|day)s?", re.IGNORECASE
)


def limit_of(text: str) -> Rate:
    """Read a limit such as "5/15 minutes"; raises ValueError that says what would do."""
    if not LIMIT.fullmatch(text.strip()):
        raise ValueError(
            'must look like "5/15 minutes" or "100/hour": one limit, of 1 or more in 1 or more '
            "seconds, minutes, hours or days"
        )
    return parse(text)


# ---------------------------------------------------------------- counting


@dataclass(slots=True)
class Window:
    """How often a key was counted since its window began, and when the window ends."""

    count: int
    ends: float


class Windows(Storage):
    """Where `limits` keeps its counts: in memory, of bounded size, by a clock that is given.

    It brings a MemoryStorage along. That one has hits start threads that walk through all keys, to
    find those whose time is over: with the keys an attacker can make, they take most of a core. It
    keeps as many as come, and goes by time.time(), which is set back now and then.

    Here each call looks at the oldest keys only. All windows in one storage are equally long, so
    they end in the order in which they began. (A dict is in that order too, but to find its first
    it walks past all that were deleted.)

    When there are too many keys, the oldest is forgotten. To bring that about for a key of theirs,
    attackers must make MOST_KEYS attempts under others: more than a new window would give them.
    """

    STORAGE_SCHEME = None  # nobody looks it up by an address

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return the count; the first one begins a window of `expiry` seconds."""
        window = self._window(key)
        if window is None:
            if len(self._windows) >= MOST_KEYS:
                self._windows.popitem(last=False)
            window = self._windows[key] = Window(0, self._clock() + expiry)
        window.count += amount
        return window.count

    def get(self, key: str) -> int:
        """Return the count."""
        window = self._window(key)
        return window.count if window else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends: now, if there is none."""
        window = self._window(key)
        return window.ends if window else self._clock()

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._windows.pop(key, None)

    def reset(self) -> int:
        """Forget all keys, and return how many there were."""
        forgotten = len(self._windows)
        self._windows.clear()
        return forgotten

    def check(self) -> bool:
        """Tell whether the storage can be reached."""
        return True

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Name the errors that mean that it cannot be reached."""
        return ()

    def _window(self, key: str) -> Window | None:
        now = self._clock()
        while self._windows and next(iter(self._windows.values())).ends <= now:
            self._windows.popitem(last=False)
        return self._windows.get(key)


class Policy:
    """A limit, its name in headers, and what was counted so far for each key."""

    def __init__(self, name: str, limit: Rate, clock: Clock) -> None:
        self._name = name
        self._limit = limit
        self._clock = clock
        # A window begins with a key's first attempt, and nothing extends it. Where two windows meet
        # twice as many get through. In the long run it is no more, and guessing takes a long run.
        self._limiter = FixedWindowRateLimiter(Windows(clock))

    def count(self, key: str) -> Allowance:
        """Count one attempt, and tell what is left."""
        self._limiter.hit(self._limit, key)
        return self.left(key)

    def left(self, key: str) -> Allowance:
        """Tell what is left."""
        ends, remaining = self._limiter.get_window_stats(self._limit, key)
        # Up, or who comes back after so many seconds is too early. But first to microseconds: the
        # last digit of a difference may be off, which would make a second of it.
        seconds = ceil(round(ends - self._clock(), 6))
        window = self._limit.get_expiry()
        return Allowance(self._name, self._limit.amount, window, remaining, seconds)

    def forget(self, key: str) -> None:
        """Begin anew."""
        self._limiter.clear(self._limit, key)


def counted(*attempt: tuple[Policy, str]) -> list[Allowance]:
    """Count an attempt under each of these keys; raises RateLimited if one is used up.

    Then it counts nothing, because of what else it would use up: an attacker who is stopped at the
    pair could go on until the account is stopped too, for everybody who comes from a new address.

    There is no `await` in here, so no other request gets in between the look and the count.
    """
    used_up = [left for policy, key in attempt if not (left := policy.left(key)).remaining]
    if used_up:
        raise RateLimited(max(used_up, key=lambda left: left.reset))
    return [policy.count(key) for policy, key in attempt]


# ---------------------------------------------------------------- what is limited


class RateLimits:
    """All limits of the service: each of its methods counts an attempt, or raises RateLimited.

    An `address` is what `client_address` returns. An e-mail is counted whether there is such an
    account or not, or its end would tell which there are.
    """

    def __init__(  # noqa: PLR0913 -- one per setting
        self,
        *,
        login_per_address: Rate,
        login_per_pair: Rate,
        login_per_account: Rate,
        signup_per_address: Rate,
        refresh_per_address: Rate,
        oauth_per_address: Rate,
        clock: Clock = monotonic,
    ) -> None:
        self._pair = Policy("login", login_per_pair, clock)
        self._address = Policy("login-address", login_per_address, clock)
        self._account = Policy("login-account", login_per_account, clock)
        self._signup = Policy("signup", signup_per_address, clock)
        self._refresh = Policy("refresh", refresh_per_address, clock)
        self._oauth = Policy("oauth", oauth_per_address, clock)
        self._known = Windows(clock)  # of pairs; there is nothing to count but that they are there

    def before_login(self, address: str, email: str) -> Allowance:
        """Count an attempt before the password is checked, or fifty at once would all be checked.

        Returns what is left to the pair or to the address, whichever is less. What is left to the
        account is nobody's business: it would tell a stranger when somebody else logs in.
        """
        pair = pair_of(address, email)
        attempt = [(self._pair, pair), (self._address, address)]
        if not self._known.get(pair):
            attempt.append((self._account, email.lower()))
        of_pair, of_address, *_ = counted(*attempt)
        return min(of_pair, of_address, key=lambda left: left.remaining)

    def after_login(self, address: str, email: str) -> Allowance:
        """Note that the password was right: the pair begins anew, and the address is known.

        The address does not begin anew: an attacker would log in to some account of the attacker's
        own between guesses at others. Returns what is left now, as `before_login` does.
        """
        pair = pair_of(address, email)
        self._pair.forget(pair)
        self._known.clear(pair)
        self._known.incr(pair, KNOWN_FOR)
        of_pair, of_address = self._pair.left(pair), self._address.left(address)
        return min(of_pair, of_address, key=lambda left: left.remaining)

    def signup(self, address: str) -> Allowance:
        """Count an attempt to sign up."""
        return counted((self._signup, address))[0]

    def refresh(self, address: str) -> Allowance:
        """Count an attempt to exchange a refresh token."""
        return counted((self._refresh, address))[0]

    def oauth(self, address: str) -> Allowance:
        """Count a start of a login through the provider."""
        return counted((self._oauth, address))[0]


def pair_of(address: str, email: str) -> str:
    """Make one key of both; there is no space in an address."""
    return f"{address} {email.lower()}"
