import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from common.ids import new_asset_id
from common.jobs.job import Job, LeaseLost
from common.jobs.queue import JobQueue
from common.testing.clock import ManualClock
from common.testing.postgres import ScratchSchema
from common.testing.waiting import eventually

pytestmark = pytest.mark.integration

LEASE = timedelta(seconds=60)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def queue(schema: ScratchSchema, clock: ManualClock) -> JobQueue:
    return JobQueue(schema.database, lease=LEASE, clock=clock)


async def enqueue(queue: JobQueue, max_attempts: int = 5, **more: UUID) -> UUID:
    id_ = more.get("id", new_asset_id())
    async with queue.database.write() as session:
        await queue.enqueue(
            session,
            id=id_,
            kind="probe",
            subject=more.get("subject", new_asset_id()),
            payload={"key": "u/1"},
            max_attempts=max_attempts,
            traceparent="00-trace",
        )
    return id_


async def complete_with_an_effect(queue: JobQueue, job: Job) -> None:
    async with queue.database.write() as session:
        await session.execute(text("INSERT INTO inbox VALUES ('late', gen_random_uuid())"))
        await queue.complete(session, job)


async def claimed(queue: JobQueue) -> Job:
    job = await queue.claim(["probe"])
    assert job is not None
    return job


async def test_a_job_is_claimed_once_and_carries_what_it_was_given(queue: JobQueue) -> None:
    id_ = await enqueue(queue)

    job = await claimed(queue)

    assert (job.id, job.payload, job.attempt, job.traceparent) == (
        id_,
        {"key": "u/1"},
        1,
        "00-trace",
    )
    assert await queue.claim(["probe"]) is None


async def test_an_id_is_queued_once_whatever_became_of_it(queue: JobQueue) -> None:
    id_ = await enqueue(queue)
    async with queue.database.write() as session:
        await queue.complete(session, await claimed(queue))

    async with queue.database.write() as session:
        again = await queue.enqueue(session, id=id_, kind="probe", subject=id_, payload={})

    assert not again
    assert await queue.claim(["probe"]) is None


async def test_a_job_is_rolled_back_with_its_transaction(queue: JobQueue) -> None:
    async def fails_afterwards() -> None:
        async with queue.database.write() as session:
            await queue.enqueue(
                session, id=new_asset_id(), kind="probe", subject=new_asset_id(), payload={}
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails_afterwards()

    assert await queue.claim(["probe"]) is None


async def test_other_kinds_and_later_jobs_are_left_alone(
    queue: JobQueue, clock: ManualClock
) -> None:
    later = clock.now() + timedelta(seconds=30)
    async with queue.database.write() as session:
        await queue.enqueue(
            session, id=new_asset_id(), kind="other", subject=new_asset_id(), payload={}
        )
        await queue.enqueue(
            session,
            id=new_asset_id(),
            kind="probe",
            subject=new_asset_id(),
            payload={},
            run_after=later,
        )

    assert await queue.claim(["probe"]) is None
    clock.advance(31)
    assert await queue.claim(["probe"]) is not None


async def test_many_workers_never_share_a_job(queue: JobQueue) -> None:
    ids = {await enqueue(queue) for _ in range(5)}

    jobs = await asyncio.gather(*(queue.claim(["probe"]) for _ in range(10)))

    taken = [job.id for job in jobs if job]
    assert len(taken) == len(set(taken))
    assert set(taken) <= ids


async def test_an_expired_lease_is_taken_over_and_fences_the_old_holder(
    queue: JobQueue, clock: ManualClock
) -> None:
    await enqueue(queue)
    first = await claimed(queue)
    clock.advance(61)
    second = await claimed(queue)

    assert second.attempt == 2
    assert second.failures == 1
    assert not await queue.heartbeat(first)
    with pytest.raises(LeaseLost):
        await complete_with_an_effect(queue, first)
    with pytest.raises(LeaseLost):
        await queue.fail(first, "late", retry=True)
    async with queue.database.write() as session:
        assert await session.scalar(text("SELECT count(*) FROM inbox")) == 0
        await queue.complete(session, second)


async def test_a_heartbeat_keeps_the_lease(queue: JobQueue, clock: ManualClock) -> None:
    await enqueue(queue)
    job = await claimed(queue)
    clock.advance(40)
    assert await queue.heartbeat(job)
    clock.advance(40)

    assert await queue.claim(["probe"]) is None


async def test_a_failure_waits_longer_each_time_and_dies_in_the_end(
    queue: JobQueue, clock: ManualClock
) -> None:
    await enqueue(queue, max_attempts=3)
    for least, most in ((0.5, 1.0), (1.0, 2.0)):
        assert await queue.fail(await claimed(queue), "it broke", retry=True) == "retry"
        clock.advance(least - 0.01)
        assert await queue.claim(["probe"]) is None
        clock.advance(most - least + 0.02)

    assert await queue.fail(await claimed(queue), "it broke", retry=True) == "dead"
    clock.advance(3600)
    assert await queue.claim(["probe"]) is None
    assert (await queue.counts())["dead"] == 1


async def test_the_delay_has_a_bound(queue: JobQueue, clock: ManualClock) -> None:
    await enqueue(queue, max_attempts=100)
    for _ in range(12):
        await queue.fail(await claimed(queue), "it broke", retry=True)
        clock.advance(61)


async def test_a_permanent_failure_is_dead_at_once(queue: JobQueue) -> None:
    await enqueue(queue)

    assert await queue.fail(await claimed(queue), "unreadable", retry=False) == "dead"


async def test_an_outage_uses_up_no_try(queue: JobQueue, clock: ManualClock) -> None:
    await enqueue(queue, max_attempts=1)
    for _ in range(3):
        job = await claimed(queue)
        assert await queue.fail(job, "no store", retry=True, counts=False) == "retry"
        clock.advance(120)

    assert not (await claimed(queue)).exhausted


async def test_a_job_whose_workers_all_died_is_exhausted(
    queue: JobQueue, clock: ManualClock
) -> None:
    await enqueue(queue, max_attempts=2)
    for _ in range(2):
        assert not (await claimed(queue)).exhausted
        clock.advance(61)

    assert (await claimed(queue)).exhausted


async def test_a_released_job_is_due_at_once_and_lost_no_try(queue: JobQueue) -> None:
    await enqueue(queue)
    await queue.release(await claimed(queue))

    again = await claimed(queue)
    assert (again.attempt, again.failures) == (1, 0)


async def test_cancelling_ends_the_jobs_of_one_subject(queue: JobQueue) -> None:
    mine, other = new_asset_id(), new_asset_id()
    await enqueue(queue, subject=mine)
    running = await claimed(queue)
    await enqueue(queue, subject=mine)
    await enqueue(queue, subject=other)

    async with queue.database.write() as session:
        assert await queue.cancel(session, subject=mine) == 2

    assert not await queue.heartbeat(running)
    assert (await claimed(queue)).subject == other


async def test_the_age_of_the_queue_is_that_of_the_job_due_longest(
    queue: JobQueue, clock: ManualClock
) -> None:
    assert await queue.queue_age() == 0
    await enqueue(queue)
    clock.advance(7)

    assert await queue.queue_age() == pytest.approx(7)


async def test_without_a_clock_the_database_tells_the_time(schema: ScratchSchema) -> None:
    queue = JobQueue(schema.database, lease=timedelta(milliseconds=1))
    await enqueue(queue)
    first = await claimed(queue)

    async def taken_over() -> bool:
        second = await queue.claim(["probe"])
        return second is not None and second.lease_token != first.lease_token

    await eventually(taken_over)
