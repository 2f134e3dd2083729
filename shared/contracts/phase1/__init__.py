"""The contract of phase 1: users, posts and comments on a database, over HTTP alone."""

from .comments import *  # noqa: F403 - this module is the sum of the others
from .conventions import *  # noqa: F403
from .feed import *  # noqa: F403
from .injection import *  # noqa: F403
from .payloads import *  # noqa: F403
from .post_lists import *  # noqa: F403
from .posts import *  # noqa: F403
from .races import *  # noqa: F403
from .removals import *  # noqa: F403
from .user_lists import *  # noqa: F403
from .users import *  # noqa: F403
