"""Which client a request comes from: the address that counts, whatever a header claims."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

from ..networks import Network

Address = IPv4Address | IPv6Address

NO_ADDRESS = "local"  # a unix socket's client

# Some proxies add the port: 192.0.2.1:4711 or [2001:db8::1]:4711.
WITH_PORT = re.compile(r"(?:\[([^]]*)]|([0-9.]+))(?::[0-9]{1,5})?")


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Tell which client a request (ASGI 3) comes from: an IPv4 address, or the /64 of an IPv6 one.

    Each proxy writes at the end of X-Forwarded-For who spoke to it; what stands before that may be
    the client's invention. So the header is read from its end, for as long as a proxy of ours is
    speaking. Forwarded, X-Real-IP and the like are not read: a proxy that does not know one of them
    passes on whatever the client wrote.

    Behind a proxy that is missing in `trusted` all clients are one.
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
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def one_client(address: Address) -> str:
    """Name who has an address: a household is given 2^64 IPv6 addresses, and could use each once.

    Who is given a /56 or a /48 still passes for 256 or 65 536 clients. Against guessing from that
    many there is the account's limit.
    """
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), 64), strict=False))
