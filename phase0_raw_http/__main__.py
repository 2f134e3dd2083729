"""`python -m phase0_raw_http`: the threaded server, from its settings to its end."""

import sys

from .process import main
from .server import serve

if __name__ == "__main__":
    sys.exit(main("phase0_raw_http", sys.argv[1:], serve))
