"""The contract of phase 3: phase 2's shop, for people who have to say who they are.

Phase 2's checks hold but for those in which anybody orders for anybody; `Interpreter` says how.
"""
# ruff: noqa: I001 - the order in which one builds it, and so the order of the verdicts

from .fixtures import *  # noqa: F403 - this module is the sum of the others
from .signup import *  # noqa: F403
from .login import *  # noqa: F403
from .admins import *  # noqa: F403
from .access_tokens import *  # noqa: F403
from .roles import *  # noqa: F403
from shared.contracts.phase2.users import *  # noqa: F403
from shared.contracts.phase2.products import *  # noqa: F403
from shared.contracts.phase2.orders import *  # noqa: F403
from shared.contracts.phase2.cancellations import *  # noqa: F403
from shared.contracts.phase2.ledger import *  # noqa: F403
from shared.contracts.phase2.buyers import *  # noqa: F403
from shared.contracts.phase2.idempotency import *  # noqa: F403
from shared.contracts.phase2.payloads import *  # noqa: F403
from shared.contracts.phase2.lists import *  # noqa: F403
from shared.contracts.phase2.reports import *  # noqa: F403
from shared.contracts.phase2.races import *  # noqa: F403
from .owners import *  # noqa: F403
from .refresh import *  # noqa: F403
from .cookies import *  # noqa: F403
from .csrf import *  # noqa: F403
from .logout import *  # noqa: F403
from .payloads import *  # noqa: F403
from .forgeries import *  # noqa: F403
from .limits import *  # noqa: F403
from .races import *  # noqa: F403
from .last_admin import *  # noqa: F403

NEEDED_BY_FIXTURE = {"admin": "P3-ADM-01"}
