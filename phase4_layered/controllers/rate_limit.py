"""What is left to a client, in headers of every answer that was counted."""

from ..domain.limits import Allowance


def headers_of(left: Allowance) -> dict[str, str]:
    """Put it into the words of draft-ietf-httpapi-ratelimit-headers-10."""
    return {
        "RateLimit-Policy": f'"{left.policy}";q={left.quota};w={left.window}',
        "RateLimit": f'"{left.policy}";r={left.remaining};t={left.reset}',
    }
