"""What operators see of a job table; names of events.md 5.2."""

import asyncio
from contextlib import suppress

from common.errors import Unavailable
from common.jobs.queue import JobQueue
from common.telemetry.metrics import Metrics
from common.web.loops import wait_for

SAMPLE_EVERY = 5.0  # seconds


class JobMetrics:
    """Counts rows by state now and then; leases lost as they are."""

    def __init__(self, metrics: Metrics, queue: JobQueue) -> None:
        self._queue = queue
        self._jobs = metrics.shared_gauge("jobs", "Job rows that are not finished.", ("state",))
        self._age = metrics.shared_gauge(
            "job_queue_age_seconds", "Wait of the job that is due longest."
        )
        self.lease_lost = metrics.shared_counter(
            "job_lease_lost", "Jobs taken from a worker or cancelled."
        )

    async def sample(self, stop: asyncio.Event) -> None:
        """Keep the gauges fresh until told to stop."""
        while not stop.is_set():
            with suppress(Unavailable):  # the readiness check tells of a missing database
                for state, count in (await self._queue.counts()).items():
                    self._jobs.labels(state).set(count)
                self._age.set(await self._queue.queue_age())
            await wait_for(stop, SAMPLE_EVERY)
