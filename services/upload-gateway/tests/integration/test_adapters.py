from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from gateway_support.bench import OWNER, STRANGER, WIDE
from gateway_support.places import Places
from sqlalchemy import text
from typing_extensions import override

from common.clock import SystemClock
from common.errors import Unavailable
from common.fsck import Scope
from common.ids import ObjectKey, UserId, new_asset_id, new_upload_id, original_key
from common.jobs.job import LeaseLost
from common.jobs.queue import JobQueue
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.testing.postgres import scratch_schema
from devstack.stack import Stack
from upload_gateway.adapters.postgres_ledger import PostgresLedger
from upload_gateway.adapters.postgres_transaction import PostgresTransaction
from upload_gateway.adapters.s3_parts import S3Parts
from upload_gateway.adapters.s3_staging import S3Staging
from upload_gateway.commands.fsck import open_uploads
from upload_gateway.domain.errors import (
    MultipartForgotten,
    PartsLost,
    QuotaExceeded,
    UploadNotFound,
)
from upload_gateway.domain.facts import announced, started
from upload_gateway.domain.limits import Asking, Limits, Open
from upload_gateway.domain.upload import Part, Segment, State, Upload
from upload_gateway.usecases.admit_upload import AdmitUpload

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
MIB = 1024 * 1024


def new_upload() -> Upload:
    asset_id, now = new_asset_id(), CLOCK.now()
    return Upload(
        id=new_upload_id(),
        asset_id=asset_id,
        user_id=OWNER,
        kind="audio",
        key=original_key(asset_id, "flac"),
        max_length=100_000_000,
        length=100,
        part_size=10,
        created_at=now,
        expires_at=now + timedelta(hours=1),
        file_name="Сет.flac",
        sequence=1,
    )


@pytest.fixture
async def ledger(infra: Stack) -> AsyncIterator[PostgresLedger]:
    admin = infra.env["REPRISE_POSTGRES_ADMIN_URL"]
    async with scratch_schema(admin, "upload_gateway") as database:
        yield PostgresLedger(database, JobQueue(database))


@pytest.fixture
async def objects(places: Places) -> AsyncIterator[ObjectStore]:
    async with open_s3(places.s3) as client:
        yield ObjectStore(client, places.s3.bucket)


async def added(ledger: PostgresLedger, upload: Upload) -> Upload:
    async with ledger.change() as tx:
        await tx.add(upload)
    return upload


async def test_a_row_comes_back_as_it_was_written(ledger: PostgresLedger) -> None:
    upload = await added(ledger, new_upload())
    assert await ledger.find(upload.id) == upload
    moved = replace(upload, state="receiving", offset=13, generation=4, multipart_id="m")
    async with ledger.change() as tx:
        assert await tx.locked(upload.id) == upload
        assert await tx.locked_of(upload.asset_id) == upload
        assert await tx.locked_of(new_asset_id()) is None
        await tx.save(moved)
        await tx.add_part(upload.id, Part(1, "old", 10))
        await tx.add_part(upload.id, Part(1, "new", 10))
        await tx.add_segment(upload.id, Segment(10, 3, ObjectKey("staging/x")))
    assert await ledger.find(upload.id) == moved
    assert await ledger.parts(upload.id) == [Part(1, "new", 10)]
    (segment,) = await ledger.segments(upload.id)
    async with ledger.change() as tx:
        await tx.forget_segments(upload.id, [replace(segment, key=ObjectKey("staging/y"))])
    assert await ledger.segments(upload.id) == [segment]
    async with ledger.change() as tx:
        await tx.forget_segments(upload.id, [segment])
    assert await ledger.segments(upload.id) == []


async def test_a_block_that_raises_leaves_nothing(ledger: PostgresLedger) -> None:
    upload = new_upload()

    async def fail_late() -> None:
        async with ledger.change() as tx:
            await tx.add(upload)
            await tx.publish(announced(upload, started(upload), CLOCK))
            await tx.locked(new_upload_id())

    with pytest.raises(UploadNotFound):
        await fail_late()
    with pytest.raises(UploadNotFound):
        await ledger.find(upload.id)


async def test_due_and_uncleared_rows_are_found(ledger: PostgresLedger) -> None:
    now = CLOCK.now()
    late = await added(ledger, replace(new_upload(), expires_at=now))
    await added(ledger, new_upload())
    left = await added(ledger, new_upload().aborted(now))
    await added(ledger, replace(new_upload().aborted(now), cleared=True))
    assert await ledger.due(now, 10) == [late.id]
    assert await ledger.uncleared(now, 10) == [left.id]
    assert await ledger.uncleared(now - timedelta(seconds=1), 10) == []
    for upload in (late, left):
        async with ledger.change() as tx:
            await tx.present(upload)
    assert await ledger.due(now, 10) == []
    assert await ledger.uncleared(now, 10) == []


@pytest.mark.parametrize(("state", "due"), [("verifying", False), ("aborted", True)])
async def test_partials_wait_for_the_final_upload_that_is_being_built(
    ledger: PostgresLedger, state: State, due: bool
) -> None:
    now = CLOCK.now()
    final = await added(ledger, replace(new_upload(), state=state))
    whole = replace(new_upload(), state="verifying", concat="partial", expires_at=now)
    given, other = replace(whole, final_id=final.id), replace(new_upload(), expires_at=now)
    for upload in (given, other):
        await added(ledger, upload)
    assert (given.id in await ledger.due(now, 10), other.id in await ledger.due(now, 10)) == (
        due,
        True,
    )


async def test_pages_are_cut_by_key(ledger: PostgresLedger) -> None:
    made = [await added(ledger, new_upload()) for _ in range(3)]
    first = await ledger.page(OWNER, None, 2)
    assert first == [made[2], made[1]]
    assert await ledger.page(OWNER, first[-1].asset_id, 2) == [made[0]]
    assert await ledger.page(STRANGER, None, 2) == []


async def test_a_verification_is_asked_for_once_and_closed_by_its_lease_alone(
    ledger: PostgresLedger,
) -> None:
    upload = await added(ledger, new_upload())
    for _ in range(2):
        async with ledger.change() as tx:
            await tx.enqueue_verify(upload)
    job = await ledger.jobs.claim(["verify"])
    assert job is not None
    assert job.subject == upload.id
    assert await ledger.jobs.claim(["verify"]) is None
    async with ledger.change() as tx:
        await tx.close(job)
    with pytest.raises(LeaseLost):
        async with ledger.change() as tx:
            await tx.close(job)


async def test_parts_become_an_object(objects: ObjectStore) -> None:
    store, key = S3Parts(objects), new_upload().key
    bodies = [b"a" * 5 * MIB, b"tail"]
    multipart = await store.open(key, "audio/flac")
    await store.put_part(key, multipart, 1, memoryview(b"x" * 5 * MIB))
    parts = [
        Part(number, await store.put_part(key, multipart, number, memoryview(body)), len(body))
        for number, body in enumerate(bodies, 1)
    ]
    assert await store.stat(key) is None
    await store.complete(key, multipart, parts)
    found = await store.stat(key)
    assert found is not None
    assert found.size == 5 * MIB + 4
    assert await store.opening(key, 3) == b"aaa"
    assert b"".join([chunk async for chunk in store.stream(key)]) == b"".join(bodies)
    await store.remove(key)
    await store.remove(key)
    assert await store.stat(key) is None


async def test_discarding_aborts_what_belongs_to_the_key_alone(
    objects: ObjectStore, places: Places
) -> None:
    store, key, other = S3Parts(objects), new_upload().key, new_upload().key
    multiparts = [await store.open(key, "audio/flac") for _ in range(2)]
    await store.open(other, "audio/flac")
    await store.discard(key, None)
    assert await places.multiparts(key) == []
    assert await places.multiparts(other) == [other]
    with pytest.raises(PartsLost):
        await store.put_part(key, multiparts[0], 1, memoryview(b"x"))
    with pytest.raises(PartsLost):
        await store.complete(key, multiparts[0], [Part(1, "0" * 32, 1)])


async def test_a_replaced_part_is_found_by_what_the_store_holds(objects: ObjectStore) -> None:
    store, key = S3Parts(objects), new_upload().key
    multipart_id = await store.open(key, "audio/flac")
    before = await store.put_part(key, multipart_id, 1, memoryview(b"one"))
    await store.put_part(key, multipart_id, 1, memoryview(b"two"))
    with pytest.raises(PartsLost):
        await store.complete(key, multipart_id, [Part(1, before, 3)])
    held = await store.held(key, multipart_id)
    assert [(part.number, part.size) for part in held] == [(1, 3)]
    await store.complete(key, multipart_id, held)
    assert await store.opening(key, 3) == b"two"
    with pytest.raises(MultipartForgotten):
        await store.held(key, multipart_id)


async def test_segments_are_read_back_and_cleared(objects: ObjectStore, places: Places) -> None:
    staging, upload_id = S3Staging(objects), new_upload_id()
    segment = await staging.put(upload_id, 10, memoryview(b"0123456789"))
    forgotten = await staging.put(upload_id, 10, memoryview(b"never committed"))
    assert segment.key != forgotten.key
    view = memoryview(bytearray(10))
    await staging.read_into(segment, view)
    assert bytes(view) == b"0123456789"
    for wrong in (9, 11):
        with pytest.raises(PartsLost):
            await staging.read_into(segment, memoryview(bytearray(wrong)))
    await staging.remove([segment])
    with pytest.raises(PartsLost):
        await staging.read_into(segment, view)
    await staging.clear(upload_id)
    assert await places.objects(f"staging/{upload_id}/") == {}


async def test_without_a_store_every_call_says_so() -> None:
    store, staging = S3Parts(None), S3Staging(None)
    with pytest.raises(Unavailable) as refused:
        store.require()
    assert refused.value.code == "storage_not_configured"
    with pytest.raises(Unavailable):
        await staging.put(new_upload_id(), 0, memoryview(b""))


async def test_bytes_that_move_on_while_they_are_counted_count_once(
    ledger: PostgresLedger,
) -> None:
    upload = await added(ledger, new_upload())
    limits = Limits(WIDE, WIDE, stored=150)

    class Between(PostgresTransaction):
        @override
        async def open_of(self, user_id: UserId) -> Open:
            found = await super().open_of(user_id)
            async with ledger.change() as other:
                await other.save((await other.locked(upload.id)).verifying(None))
            return found

    async with ledger.change() as tx:
        between = Between(tx.session, tx.jobs, tx.lease, tx.clock)
        await AdmitUpload(limits)(between, Asking(OWNER, 50))
    async with ledger.change() as tx:
        with pytest.raises(QuotaExceeded):
            await AdmitUpload(limits)(tx, Asking(OWNER, 51))


async def test_the_rows_of_an_upload_that_came_in_crumbs_go_at_once(
    ledger: PostgresLedger,
) -> None:
    """More of them than one statement has places for values."""
    upload = await added(ledger, new_upload())
    crumbs = text(
        "INSERT INTO segment SELECT :id, n, 1, 'staging/' || n FROM generate_series(1, 40000) n"
    )
    async with ledger.database.write() as session:
        await session.execute(crumbs, {"id": upload.id})
    async with ledger.change() as tx:
        await tx.forget_segments(upload.id, await tx.segments(upload.id))
    assert await ledger.segments(upload.id) == []


async def test_pieces_that_wait_for_what_is_being_built_are_no_finding(
    ledger: PostgresLedger,
) -> None:
    past = CLOCK.now() - timedelta(days=9)
    final = replace(new_upload(), state="verifying", expires_at=past)
    piece = replace(final, id=new_upload_id(), asset_id=new_asset_id(), concat="partial")
    alone = replace(piece, id=new_upload_id(), asset_id=new_asset_id(), key=ObjectKey("other"))
    async with ledger.change() as tx:
        for upload in (final, replace(piece, key=ObjectKey("piece"), final_id=final.id), alone):
            await tx.add(upload)
        await tx.enqueue_verify(final)
    found = [one async for one in open_uploads(ledger.database).run(Scope(timedelta(hours=1)))]
    assert [one.subject for one in found] == [str(alone.asset_id)]
