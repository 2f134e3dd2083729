"""The contract of phase 0: what any implementation must do, in any language, over HTTP alone.

Start your server with ENVIRONMENT, if it knows these variables, and the checks with slow clients
take seconds; without it they wait for the server's own timeouts, for 15 seconds at most.
"""

# ruff: noqa: F403 - a contract is all of its checks

from .framing import *
from .limits import *
from .messages import *
from .posts import *
from .queries import *
from .races import *
from .rpc import *
from .syntax import *
from .user_changes import *
from .users import *

ENVIRONMENT = {"HEADER_TIMEOUT": "4", "BODY_TIMEOUT": "4", "IDLE_TIMEOUT": "4"}
"""Short, but long enough for a client that a busy machine keeps waiting between two writes."""
