import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from common import failpoints
from common.errors import Corrupt, Unavailable
from common.ids import new_asset_id
from common.jobs.job import Job
from common.jobs.queue import JobQueue
from common.jobs.worker import Worker, beat_every
from common.telemetry.metrics import Metrics
from common.telemetry.tracing import current_traceparent
from common.testing.postgres import ScratchSchema
from common.testing.waiting import eventually
from common.web.loops import STUCK_AFTER

pytestmark = pytest.mark.integration

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def queue(schema: ScratchSchema) -> JobQueue:
    return JobQueue(
        schema.database, lease=timedelta(milliseconds=400), backoff=timedelta(milliseconds=1)
    )


async def enqueue(queue: JobQueue, max_attempts: int = 5) -> None:
    async with queue.database.write() as session:
        await queue.enqueue(
            session,
            id=new_asset_id(),
            kind="probe",
            subject=new_asset_id(),
            payload={},
            max_attempts=max_attempts,
            traceparent=f"00-{TRACE}-b7ad6b7169203331-01",
        )


class Handler:
    """Does what the test says and completes the job."""

    def __init__(self, queue: JobQueue, act: Callable[[Job], object] = lambda _: None) -> None:
        self.queue, self.act = queue, act
        self.jobs: list[Job] = []
        self.done, self.started, self.dead = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.cancelled, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.error: Exception | None = None

    async def __call__(self, job: Job) -> None:
        self.jobs.append(job)
        self.started.set()
        self.act(job)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        async with self.queue.database.write() as session:
            await self.queue.complete(session, job)
        self.done.set()

    async def on_dead(self, job: Job, error: Exception) -> None:
        async with self.queue.database.write() as session:
            await self.queue.fail(job, str(error), retry=False, session=session)
        self.error = error
        self.dead.set()


@asynccontextmanager
async def working(
    handler: Handler, *, grace: float = 5.0, concurrency: int = 2, metrics: Metrics | None = None
) -> AsyncIterator[None]:
    worker = Worker(
        handler.queue,
        ["probe"],
        handler,
        concurrency=concurrency,
        wake=handler.queue.database.wake("job"),
        metrics=metrics or Metrics("transcoder"),
        on_dead=handler.on_dead,
        poll=5.0,
        grace=grace,
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.loop(stop))
        yield
        stop.set()


async def is_running(queue: JobQueue) -> bool:
    return (await queue.counts())["running"] > 0


async def soon(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), 5)


async def test_a_commit_in_this_process_wakes_the_worker(queue: JobQueue) -> None:
    handler = Handler(queue)
    async with working(handler):
        await enqueue(queue)
        await soon(handler.done)  # the poll alone would take five seconds and more

    assert await queue.counts() == {"waiting": 0, "running": 0, "dead": 0}


async def test_a_job_longer_than_its_lease_keeps_it(schema: ScratchSchema) -> None:
    lease = 2.0  # seconds; of a shorter one a machine that halts for a moment loses the beats
    queue = JobQueue(schema.database, lease=timedelta(seconds=lease))
    handler = Handler(queue)
    handler.go_on.clear()
    async with working(handler):
        await enqueue(queue)
        await soon(handler.started)
        deadline = asyncio.get_running_loop().time() + 1.3 * lease
        while asyncio.get_running_loop().time() < deadline:
            assert await queue.claim(["probe"]) is None
            await asyncio.sleep(0.05)
        handler.go_on.set()
        await soon(handler.done)

    assert len(handler.jobs) == 1


async def test_a_cancelled_job_stops_its_handler(queue: JobQueue) -> None:
    handler, metrics = Handler(queue), Metrics("transcoder")
    handler.go_on.clear()
    async with working(handler, metrics=metrics):
        await enqueue(queue)
        await soon(handler.started)
        async with queue.database.write() as session:
            await queue.cancel(session, subject=handler.jobs[0].subject)
        await soon(handler.cancelled)

    assert metrics.registry.get_sample_value("media_job_lease_lost_total") == 1


async def test_an_outage_is_tried_again_as_often_as_it_takes(queue: JobQueue) -> None:
    def fail_thrice(_: Job) -> None:
        if len(handler.jobs) <= 3:
            raise Unavailable("no store")

    handler = Handler(queue, fail_thrice)
    async with working(handler):
        await enqueue(queue, max_attempts=1)
        await asyncio.gather(soon(handler.done), wake_often(queue, handler.done))

    assert len(handler.jobs) == 4


async def test_when_tries_are_used_up_the_service_is_told(queue: JobQueue) -> None:
    def fail(_: Job) -> None:
        raise Corrupt("unreadable")

    handler = Handler(queue, fail)
    async with working(handler):
        await enqueue(queue, max_attempts=2)
        await asyncio.gather(soon(handler.dead), wake_often(queue, handler.dead))

    assert len(handler.jobs) == 2
    assert isinstance(handler.error, Corrupt)
    assert (await queue.counts())["dead"] == 1


async def test_a_job_that_kills_its_workers_is_not_run_for_ever(queue: JobQueue) -> None:
    await enqueue(queue, max_attempts=1)
    assert await queue.claim(["probe"])  # and this worker dies

    handler = Handler(queue)
    async with working(handler):
        await asyncio.gather(soon(handler.dead), wake_often(queue, handler.dead))

    assert handler.jobs == []


async def test_stopping_waits_for_what_runs(queue: JobQueue) -> None:
    handler = Handler(queue)
    handler.go_on.clear()
    async with working(handler):
        await enqueue(queue)
        await soon(handler.started)
        asyncio.get_running_loop().call_later(0.1, handler.go_on.set)

    assert handler.done.is_set()


async def test_stopping_hands_back_what_takes_too_long(queue: JobQueue) -> None:
    handler = Handler(queue)
    handler.go_on.clear()
    async with working(handler, grace=0.05):
        await enqueue(queue)
        await soon(handler.started)

    assert handler.cancelled.is_set()
    again = await queue.claim(["probe"])
    assert again is not None
    assert again.failures == 0


async def test_a_job_runs_in_the_trace_that_queued_it(queue: JobQueue) -> None:
    seen: list[str | None] = []
    handler = Handler(queue, lambda _: seen.append(current_traceparent()))
    async with working(handler):
        await enqueue(queue)
        await soon(handler.done)

    assert TRACE in str(seen[0])


async def test_a_worker_that_fails_right_after_claiming_loses_nothing(queue: JobQueue) -> None:
    failpoints.activate("jobs.after_claim=raise")
    handler = Handler(queue)
    try:
        async with working(handler):
            await enqueue(queue)
            await eventually(lambda: is_running(queue))
            assert handler.jobs == []
            failpoints.clear()
            await asyncio.gather(soon(handler.done), wake_often(queue, handler.done))
    finally:
        failpoints.clear()

    assert len(handler.jobs) == 1


async def wake_often(queue: JobQueue, until: asyncio.Event) -> None:
    """Stands for the poll, which is long here so that wakes are proven to be enough elsewhere."""
    while not until.is_set():
        queue.database.wake("job").set()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("lease", [timedelta(seconds=30), timedelta(hours=1)])
def test_whoever_works_for_long_is_neither_robbed_nor_taken_for_stuck(lease: timedelta) -> None:
    assert beat_every(lease) <= min(STUCK_AFTER, lease.total_seconds()) / 4
