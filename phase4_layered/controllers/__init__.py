"""HTTP in, HTTP out: each route reads a request, asks one service, and words its answer."""
