"""Leased purge jobs, carried out a few at a time."""

from collections.abc import Awaitable, Callable

from common.jobs.job import Job
from common.jobs.queue import JobQueue
from common.jobs.worker import Worker
from common.postgres.engine import Database
from common.telemetry.metrics import Metrics


def build_purge_worker(
    queue: JobQueue,
    carry_out: Callable[[Job], Awaitable[None]],
    *,
    kind: str,
    concurrency: int,
    database: Database,
    metrics: Metrics,
) -> Worker:
    """A worker woken by every order placed in this process, and by its poll for those of others."""
    return Worker(
        queue,
        (kind,),
        carry_out,
        concurrency=concurrency,
        wake=database.wake("job"),
        metrics=metrics,
    )
