"""One line in the log for every answer: what was asked, how it ended, how long it took."""

import logging
from http import HTTPStatus
from time import perf_counter

log = logging.getLogger(__name__)


def log_answer(method: str, path: str, status: HTTPStatus, started: float) -> None:
    """Log an answer; `started` is the perf_counter() of the request's first byte."""
    log.info(
        "request.answered method=%s path=%s status=%d milliseconds=%.1f",
        method or "-",
        path,
        status,
        (perf_counter() - started) * 1000,
    )
