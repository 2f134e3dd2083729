"""The contract of phase 2: a shop whose orders are placed whole or not at all, over HTTP alone."""

from .buyers import *  # noqa: F403 - this module is the sum of the others
from .idempotency import *  # noqa: F403
from .ledger import *  # noqa: F403
from .lists import *  # noqa: F403
from .orders import *  # noqa: F403
from .payloads import *  # noqa: F403
from .products import *  # noqa: F403
from .races import *  # noqa: F403
from .reports import *  # noqa: F403
from .users import *  # noqa: F403
