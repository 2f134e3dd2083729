"""The contract of phase 2: a shop whose orders are placed whole or not at all, over HTTP alone."""
# ruff: noqa: I001 - the order in which one builds a shop, and so the order of the verdicts

from .users import *  # noqa: F403 - this module is the sum of the others
from .products import *  # noqa: F403
from .orders import *  # noqa: F403
from .cancellations import *  # noqa: F403
from .ledger import *  # noqa: F403
from .buyers import *  # noqa: F403
from .idempotency import *  # noqa: F403
from .named_buyers import *  # noqa: F403
from .payloads import *  # noqa: F403
from .lists import *  # noqa: F403
from .reports import *  # noqa: F403
from .races import *  # noqa: F403
