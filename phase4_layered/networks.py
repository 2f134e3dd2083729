"""Networks, as settings name them."""

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


def trusted_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks between commas; raises ValueError that says what would do."""
    return tuple(network_of(part.strip()) for part in text.split(",") if part.strip())


def network_of(text: str) -> Network:
    """Read an address or a network, other than that of everybody."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(
            "must be addresses and networks such as 10.0.0.7, 10.1.0.0/16, 2001:db8::/32 "
            f"(no bits set behind the prefix), and {text!r} is neither"
        ) from error
    if not network.prefixlen:
        raise ValueError(f"must not be everybody ({text}): name your own proxies only")
    return network
