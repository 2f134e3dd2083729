"""`python -m phase0_raw_http`: the threaded server, from its settings to its end."""

import sys

from .application import UsersAndPosts
from .process import run
from .server import serve
from .store import Store

if __name__ == "__main__":
    sys.exit(run("phase0_raw_http", serve, UsersAndPosts(Store())))
