"""Who is asking, and what that lets them see."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking, and by what we know: a token or a session with a cookie."""

    user_id: int
    role: str
    jti: UUID | None = None
    session_id: int | None = None

    @property
    def is_admin(self) -> bool:
        """Whether all doors are open."""
        return self.role == "admin"

    @property
    def owner(self) -> int | None:
        """Whose things may be seen: one's own, or (None) everybody's."""
        return None if self.is_admin else self.user_id

    def may_see(self, user_id: int) -> bool:
        """Tell whether a user's own things may be shown."""
        return self.is_admin or self.user_id == user_id
