"""Claims jobs, keeps their leases while a handler runs, hands them back when it cannot."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from common.errors import RepriseError, Unavailable
from common.failpoints import failpoint
from common.jobs.job import Job, LeaseLost
from common.jobs.metrics import JobMetrics
from common.jobs.queue import JobQueue
from common.telemetry.liveness import OFTEN, beat
from common.telemetry.logs import get_logger
from common.telemetry.metrics import Metrics
from common.telemetry.tracing import span_from

Handler = Callable[[Job], Awaitable[None]]
OnDead = Callable[[Job, Exception], Awaitable[None]]

_log = get_logger("common.jobs")


class Worker:
    """Runs up to `concurrency` handlers at once in this process.

    The handler completes its job in its own transaction (`queue.complete`). When it raises:
    LeaseLost drops the work; Unavailable waits and tries again, as often as it takes; anything else
    uses up a try. When none is left `on_dead` is called and must bury the job (`queue.fail(...,
    retry=False, session=...)`) together with the fact that says so; without one the job is only
    marked dead. A lost lease cancels the handler. When told to stop it claims no more, gives
    running handlers `grace` seconds, then cancels and releases them.
    """

    def __init__(
        self,
        queue: JobQueue,
        kinds: Sequence[str],
        handler: Handler,
        *,
        concurrency: int,
        wake: asyncio.Event,
        metrics: Metrics,
        on_dead: OnDead | None = None,
        poll: float = 0.5,
        grace: float = 10.0,
    ) -> None:
        self._queue, self._kinds, self._handler, self._on_dead = (
            queue,
            tuple(kinds),
            handler,
            on_dead,
        )
        self._concurrency, self._wake, self._poll, self._grace = concurrency, wake, poll, grace
        self._metrics = JobMetrics(metrics, queue)

    async def loop(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set (a `Loop` of common.web.server)."""
        async with asyncio.TaskGroup() as group:
            runners = [group.create_task(self._run(stop)) for _ in range(self._concurrency)]
            sampler = group.create_task(self._metrics.sample(stop))
            await stop.wait()
            self._wake.set()
            await asyncio.wait(runners, timeout=self._grace)
            for task in (*runners, sampler):
                task.cancel()

    async def _run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            beat()
            # before the claim: a commit after it must not be forgotten
            self._wake.clear()
            try:
                job = await self._queue.claim(self._kinds)
            except Unavailable as error:
                _log.warning("jobs.claim.unavailable", code=error.code)
                await asyncio.sleep(min(2.0, self._poll * 4))
                continue
            if job is None:
                await self._idle()
            else:
                # one commit may have queued several: another runner looks too
                self._wake.set()
                await self._work(job)

    async def _idle(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._poll)

    async def _work(self, job: Job) -> None:
        with span_from(job.traceparent, f"job {job.kind}"):
            try:
                await failpoint("jobs.after_claim")
                await self._attempt(job)
                await failpoint("jobs.after_run")
            except asyncio.CancelledError:
                with suppress(Unavailable):
                    await self._queue.release(job)
                raise
            except LeaseLost:
                self._metrics.lease_lost.inc()
                _log.warning("jobs.lease_lost", job_id=str(job.id), kind=job.kind)
            except Unavailable as error:
                # the database itself may be what is missing: then the lease ends by itself
                _log.warning("jobs.hand_back.unavailable", job_id=str(job.id), code=error.code)
            except Exception:  # noqa: BLE001 (logged)
                # a broken on_dead must not take the other runners down; the lease ends by itself
                _log.exception("jobs.hand_back.failed", job_id=str(job.id), kind=job.kind)

    async def _attempt(self, job: Job) -> None:
        if job.exhausted:
            await self._bury(job, Unavailable("every worker that took it died", code="worker_died"))
            return
        error = await self._supervised(job)
        if error is None:
            return
        if isinstance(error, LeaseLost):
            raise error
        await self._failed(job, error)

    async def _supervised(self, job: Job) -> Exception | None:
        """Run the handler beside its heartbeat; LeaseLost comes from either."""
        outcome: list[Exception] = []
        try:
            async with asyncio.TaskGroup() as group:
                lease = group.create_task(self._keep_lease(job))
                try:
                    await self._handler(job)
                except Exception as error:  # noqa: BLE001 (every failure is recorded on the job's row)
                    outcome.append(error)
                lease.cancel()
        except* LeaseLost as lost:
            outcome.append(lost.exceptions[0])
        return outcome[-1] if outcome else None

    async def _keep_lease(self, job: Job) -> None:
        every = beat_every(self._queue.lease)
        while True:
            await asyncio.sleep(every)
            beat()
            try:
                if not await self._queue.heartbeat(job):
                    raise LeaseLost(f"job {job.id} was taken or cancelled")
            except Unavailable as error:
                _log.warning("jobs.heartbeat.unavailable", job_id=str(job.id), code=error.code)

    async def _failed(self, job: Job, error: Exception) -> None:
        known = isinstance(error, RepriseError)
        _log.warning(
            "jobs.failed",
            job_id=str(job.id),
            kind=job.kind,
            attempt=job.attempt,
            exc_info=None if known else error,
        )
        outage = isinstance(error, Unavailable)
        if not outage and job.failures + 1 >= job.max_attempts:
            await self._bury(job, error)
        else:
            await self._queue.fail(job, _text(error), retry=True, counts=not outage)

    async def _bury(self, job: Job, error: Exception) -> None:
        if self._on_dead is None:
            code = getattr(error, "code", type(error).__name__)
            _log.error("jobs.dead", job_id=str(job.id), kind=job.kind, code=code)
            await self._queue.fail(job, _text(error), retry=False)
        else:
            await self._on_dead(job, error)


def beat_every(lease: timedelta) -> float:
    """Seconds: often enough for a lease, and for who asks whether this loop stands still."""
    return min(lease.total_seconds() / 4, OFTEN)


def _text(error: Exception) -> str:
    return f"{getattr(error, 'code', type(error).__name__)}: {error}"
