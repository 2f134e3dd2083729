"""How often a client may try to log in, sign up, refresh or go to the provider, and who a client is.

A password of one account can be guessed from one place, from many, or one place can try a password
on many accounts. Each needs a limit of its own, because each counts by another key:

- the pair of account and address stops guessing from one place,
- the address stops one place from trying many accounts,
- the account stops guessing from many places, but not where its owner has logged in of late.

The exception is what keeps a stranger from locking the owner out: whatever he does at his addresses
counts against nobody at hers (the idea of OWASP's device cookies, with addresses for cookies).
What is left: while an account is under attack from many places, its owner cannot use her password
at an address that is new to us. And who shares an address with the attacker (a house, an office, a
mobile network behind one router) shares the attacker's limits.

Counts and known addresses live in this process. They are gone when it ends, and of two processes
each would allow all of it.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from math import ceil
from time import monotonic

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import Scope

from .errors import Problem

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Clock = Callable[[], float]  # seconds since whenever; it is never set back

KNOWN_FOR = 30 * 24 * 3600  # seconds, since the last login
MOST_KEYS = 100_000  # per limit, some 50 MB if all of them are as long as can be

# ---------------------------------------------------------------- who a client is

NO_ADDRESS = "local"  # a unix socket's client

# Some proxies add the port: 192.0.2.1:4711 or [2001:db8::1]:4711.
WITH_PORT = re.compile(r"(?:\[([^]]*)]|([0-9.]+))(?::[0-9]{1,5})?")


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Tell which client a request (ASGI 3) comes from: an IPv4 address, or the /64 of an IPv6 one.

    Each proxy writes behind X-Forwarded-For who spoke to it; what stands before that the client may
    have made up. So the header is read from its end, and only as long as the one who is speaking is
    a proxy of ours. Forwarded, X-Real-IP and their like are not read: a proxy that does not know
    one passes it on as the client wrote it.

    A proxy that is missing in `trusted` makes one client of all who come through it.
    """
    peer = scope.get("client")
    speaking = address_of(peer[0]) if peer else None
    if speaking is None:
        return NO_ADDRESS
    said = forwarded_for(scope)
    while any(speaking in network for network in trusted):
        before = address_of(next(said, ""))
        if before is None:
            break
        speaking = before
    return one_client(speaking)


def forwarded_for(scope: Scope) -> Iterator[str]:
    """Go through X-Forwarded-For from its end; several of them are one, in their order."""
    for name, value in reversed(scope["headers"]):
        if name == b"x-forwarded-for":
            yield from reversed(value.decode("latin-1").split(","))


def address_of(text: str) -> Address | None:
    """Read an address, with its port or without; rubbish is None.

    Where a socket takes both kinds, an IPv4 address looks like ::ffff:192.0.2.1, and is the same.
    """
    text = text.strip(" \t")
    if match := WITH_PORT.fullmatch(text):
        text = match[1] or match[2] or ""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address  # noqa: PLR2004 -- IPv6


def one_client(address: Address) -> str:
    """Name who has an address: a household gets 2^64 IPv6 addresses, and could use each once.

    Some get a /56 or a /48, so that they are 256 or 65536 clients. The account's limit is for them.
    """
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), 64), strict=False))


# ---------------------------------------------------------------- what settings say


def trusted_networks(text: str) -> tuple[Network, ...]:
    """Read a list with commas of addresses and networks; raises ValueError, which says what is."""
    return tuple(network_of(part.strip()) for part in text.split(",") if part.strip())


def network_of(text: str) -> Network:
    """Read an address or a network, other than that of everybody."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(
            "must be addresses and networks, as in 10.0.0.7, 10.1.0.0/16, 2001:db8::/32 "
            f"(with all bits behind the prefix 0), and {text!r} is neither"
        ) from error
    if not network.prefixlen:
        raise ValueError(f"must not hold {text}: anybody could pass for anybody")
    return network


# What makes sense here of the notation of `limits`, which would take the first of several limits,
# "5/0 minutes" for one minute, and "0/minute" for what it says.
LIMIT = re.compile(
    "[1-9][0-9]{0,8} ?(/|per) ?([1-9][0-9]{0,3} ?)?(second|minute|hour|day)s?", re.IGNORECASE
)


def limit_of(text: str) -> RateLimitItem:
    """Read a limit such as "5/15 minutes"; raises ValueError, which says what one looks like."""
    if not LIMIT.fullmatch(text.strip()):
        raise ValueError(
            'must look like "5/15 minutes" or "100/hour": how many, at least 1, in how many '
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
    """Where `limits` keeps its counts, bounded and without a thread.

    The MemoryStorage that comes with it starts a thread, up to a hundred times per second, to look
    through all keys for those whose time is over: with as many keys as an attacker can make, that
    takes most of a core. It keeps however many there are, and goes by a clock that may be set back.

    Here each call looks at the oldest keys only. The windows of a limit are equally long, so they
    end in the order in which they began. (A dict has that order as well, but passes by all that
    were deleted before it finds its first.)

    When there are too many keys, the oldest is forgotten. To have a key forgotten, an attacker has
    to be counted 100 000 times under others. So many attempts are worth more than one more window.
    """

    STORAGE_SCHEME = None  # it is handed over, not found by its address

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return how many there are now; the first begins a window of so many seconds."""
        window = self._window(key)
        if window is None:
            if len(self._windows) >= MOST_KEYS:
                self._windows.popitem(last=False)
            window = self._windows[key] = Window(0, self._clock() + expiry)
        window.count += amount
        return window.count

    def get(self, key: str) -> int:
        """Return how many there are."""
        window = self._window(key)
        return window.count if window else 0

    def get_expiry(self, key: str) -> float:
        """Return when the key's window ends: now, if there is none."""
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
        """Tell that it works, as memory does."""
        return True

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Name the errors it has of its own, of which there are none."""
        return ()

    def _window(self, key: str) -> Window | None:
        now = self._clock()
        while self._windows and next(iter(self._windows.values())).ends <= now:
            self._windows.popitem(last=False)
        return self._windows.get(key)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a client has left: so many requests, until so many seconds from now."""

    policy: str
    quota: int
    window: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """Put it as draft-ietf-httpapi-ratelimit-headers-10 does, for any answer."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={self.window}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset}',
        }


class Policy:
    """One limit, the name it goes by in headers, and its counts: each key has its own."""

    def __init__(self, name: str, limit: RateLimitItem, clock: Clock) -> None:
        self._name = name
        self._limit = limit
        self._clock = clock
        # A window begins with a key's first attempt and is never extended, so a key is one number.
        # It lets through twice as many where two windows meet, but no more in the long run, and the
        # long run is what guessing takes.
        self._limiter = FixedWindowRateLimiter(Windows(clock))

    def count(self, key: str) -> Allowance:
        """Count one attempt, and tell what is left."""
        self._limiter.hit(self._limit, key)
        return self.left(key)

    def left(self, key: str) -> Allowance:
        """Tell what is left."""
        ends, remaining = self._limiter.get_window_stats(self._limit, key)
        # Rounded up: who comes back so much later must not come too early. (The sum that `ends` is
        # may be off in its last digit, and would be rounded up a whole second.)
        seconds = max(1, ceil(round(ends - self._clock(), 6)))
        window = self._limit.get_expiry()
        return Allowance(self._name, self._limit.amount, window, remaining, seconds)

    def forget(self, key: str) -> None:
        """Begin anew."""
        self._limiter.clear(self._limit, key)


def counted(*attempt: tuple[Policy, str]) -> list[Allowance]:
    """Count an attempt by each of these policies, under its key for it, or by none of them.

    Raises 429 if one of them has nothing left. Then the others must not pay for it: who is stopped
    at one account could otherwise go on, and use up what the account has left for other places.

    There is no `await` in here, so no other request comes between the look and the count.
    """
    lefts = [policy.left(key) for policy, key in attempt]
    if used_up := [left for left in lefts if not left.remaining]:
        raise rate_limited(max(used_up, key=lambda left: left.reset))
    return [policy.count(key) for policy, key in attempt]


def rate_limited(left: Allowance) -> Problem:
    """429, and when it is worth while to come back."""
    return Problem(
        429,
        "rate_limited",
        f"Too many attempts. Try again in {left.reset} seconds.",
        headers={"Retry-After": str(left.reset), **left.headers},
    )


# ---------------------------------------------------------------- what is limited


class RateLimits:
    """All limits of the service. Each method counts one attempt, or raises 429 and counts none.

    An `address` is what `client_address` says. An e-mail is an account's, or could be one's: an
    e-mail without an account is counted as any other, or 429 would tell which ones have one.
    """

    def __init__(  # noqa: PLR0913 -- one per setting
        self,
        *,
        login_per_address: RateLimitItem,
        login_per_pair: RateLimitItem,
        login_per_account: RateLimitItem,
        signup_per_address: RateLimitItem,
        refresh_per_address: RateLimitItem,
        oauth_per_address: RateLimitItem,
        clock: Clock = monotonic,
    ) -> None:
        self._pair = Policy("login", login_per_pair, clock)
        self._address = Policy("login-address", login_per_address, clock)
        self._account = Policy("login-account", login_per_account, clock)
        self._signup = Policy("signup", signup_per_address, clock)
        self._refresh = Policy("refresh", refresh_per_address, clock)
        self._oauth = Policy("oauth", oauth_per_address, clock)
        self._known = Windows(clock)

    def before_login(self, address: str, email: str) -> Allowance:
        """Count an attempt before the password is looked at: after it, fifty at once got through.

        Returns what is left for the pair or the address, whichever is less. What is left for the
        account stays untold: it would show a stranger that somebody else is trying to log in.
        """
        pair, account = pair_of(address, email), email.lower()
        attempt = [(self._pair, pair), (self._address, address)]
        if not self._known.get(pair):
            attempt.append((self._account, account))
        to_tell = counted(*attempt)[:2]
        return min(to_tell, key=lambda left: left.remaining)

    def after_login(self, address: str, email: str) -> None:
        """Note that the password was right: the pair begins anew, and its address is known.

        What the address has left stays as it is, or an attacker would log in to an account of his
        own between two guesses.
        """
        pair = pair_of(address, email)
        self._pair.forget(pair)
        self._known.clear(pair)
        self._known.incr(pair, KNOWN_FOR)

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
    """Make one key of two; an address holds no space."""
    return f"{address} {email.lower()}"
