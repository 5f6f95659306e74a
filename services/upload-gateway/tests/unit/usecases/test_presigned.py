"""Sign, send past the gateway, commit, on fakes: what fails, and what is left when it does."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from gateway_support.bench import LATE, OWNER, STRANGER, Bench
from gateway_support.fakes import KnownCapabilities, KnownSniffer, MemoryStore
from typing_extensions import override

from common.errors import Unavailable
from common.ids import ObjectKey
from upload_gateway.domain.birth import NewUpload
from upload_gateway.domain.errors import (
    BytesReplaced,
    ContentRefused,
    TooManyUploads,
    UploadGone,
    UploadNotFound,
)
from upload_gateway.domain.limits import Ceiling, Limits
from upload_gateway.domain.presigning import URLS_PER_CALL, Asker, PartAsked, Told, Way
from upload_gateway.domain.presigning_errors import (
    AlreadyCommitted,
    CommitMismatch,
    DigestNeeded,
    FileRefused,
    KeyMismatch,
    ObjectMissing,
    PartsMissing,
    UrlsExhausted,
    UseTus,
)
from upload_gateway.domain.upload import Part, Stored, Upload
from upload_gateway.usecases.commit_upload import Commit
from upload_gateway.usecases.sign_parts import PartsWanted

FILE = bytes(range(35))
DIGEST = hashlib.sha256(FILE).hexdigest()
MINE = Asker(OWNER, "admin")


async def begun(bench: Bench, way: Way, *, sha256: str = DIGEST) -> Upload:
    told = {"filename": "set.flac", "filetype": "audio/flac", "sha256": sha256}
    new = NewUpload(OWNER, "admin", len(FILE), "", told, parent="post/1")
    return (await bench.sign(new, way)).upload


async def parts_of(bench: Bench, upload: Upload, *numbers: int, asker: Asker = MINE) -> list[str]:
    parts = tuple(PartAsked(n, DIGEST) for n in numbers)
    signed = await bench.sign_parts(PartsWanted(upload.id, asker, None, parts))
    return [request.url for request in signed.requests]


async def commit(bench: Bench, upload: Upload, *, told: Told | None = None) -> Upload:
    return await bench.commit(Commit(upload.id, MINE, None, told or Told()))


def put(bench: Bench, upload: Upload, body: bytes = FILE) -> None:
    bench.store.objects[upload.key] = body
    bench.store.types[upload.key] = "audio/flac"


async def send(bench: Bench, upload: Upload, *numbers: int) -> None:
    await parts_of(bench, upload, *numbers)
    for number in numbers:
        part = memoryview(FILE[(number - 1) * 10 : number * 10])
        multipart_id = bench.ledger[upload].multipart_id or ""
        await bench.store.put_part(upload.key, multipart_id, number, part)


async def test_a_put_is_committed_verified_and_told_like_every_other_upload() -> None:
    bench = Bench()
    upload = await begun(bench, "put")
    put(bench, upload)
    assert (await commit(bench, upload)).state == "verifying"
    done = await bench.verified(upload)
    assert (done.state, done.sha256, done.size) == ("stored", DIGEST, 35)
    assert bench.ledger.types == ["started", "upload", "completed"]
    assert (await commit(bench, upload)).state == "stored"
    assert bench.ledger.tables.jobs == [upload.id]
    assert bench.ledger[upload].cleared is False
    await bench.clear(upload.id)
    assert bench.ledger[upload].cleared, "nothing of a stored one is looked for again"
    assert upload.key in bench.store.objects


async def test_an_upload_past_the_gateway_meets_the_same_limits() -> None:
    one = Ceiling(1, 1, 1000)
    bench = Bench(limits=Limits(one, one))
    await begun(bench, "put")
    with pytest.raises(TooManyUploads):
        await begun(bench, "multipart")


async def test_a_multipart_is_begun_with_its_first_part_and_only_once() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    assert bench.store.multiparts == {}
    await parts_of(bench, upload, 1)
    await parts_of(bench, upload, 2, 3, 4)
    assert list(bench.store.multiparts) == [bench.ledger[upload].multipart_id]


class SlowToOpen(MemoryStore):
    """Begins multiparts only once two were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.both = asyncio.Barrier(2)

    @override
    async def open(self, key: ObjectKey, content_type: str) -> str:
        await self.both.wait()
        return await super().open(key, content_type)


async def test_of_two_multiparts_begun_at_once_one_is_used_and_both_end_with_the_upload() -> None:
    bench = Bench(store=SlowToOpen())
    upload = await begun(bench, "multipart")
    urls = await asyncio.gather(parts_of(bench, upload, 1), parts_of(bench, upload, 2))
    used = {url.split()[0] for (url,) in urls}
    assert used == {bench.ledger[upload].multipart_id}
    assert len(bench.store.multiparts) == 2
    await bench.end(upload.id, OWNER)
    assert bench.store.multiparts == {}


async def test_missing_parts_are_named_and_those_that_are_there_stay() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    await send(bench, upload, 1, 4)
    with pytest.raises(PartsMissing) as refused:
        await commit(bench, upload)
    assert refused.value.extensions["missing"] == [2, 3]
    await send(bench, upload, 2, 3)
    assert (await commit(bench, upload)).state == "verifying"
    assert (await bench.verified(upload)).sha256 == DIGEST


async def test_a_lost_answer_to_complete_costs_nothing() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    await send(bench, upload, 1, 2, 3, 4)
    bench.store.loses_answers = True
    assert (await commit(bench, upload)).state == "verifying"
    assert (await commit(bench, upload)).state == "verifying"


async def test_without_the_database_nothing_is_acknowledged_and_the_same_works_later() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    await send(bench, upload, 1, 2, 3, 4)
    bench.ledger.broken = True
    with pytest.raises(Unavailable):
        await commit(bench, upload)
    assert bench.ledger[upload].state == "receiving"
    bench.ledger.broken = False
    assert (await commit(bench, upload)).state == "verifying"


async def test_a_store_that_does_not_answer_leaves_the_upload_open() -> None:
    bench = Bench()
    upload = await begun(bench, "put")
    put(bench, upload)
    bench.store.down = True
    with pytest.raises(Unavailable):
        await commit(bench, upload)
    assert bench.ledger[upload].state == "created"


async def test_content_that_is_refused_is_rejected_once_and_for_all() -> None:
    bench = Bench(sniffer=KnownSniffer(frozenset({"png"})))
    upload = await begun(bench, "put")
    put(bench, upload)
    for _ in range(2):
        with pytest.raises(ContentRefused) as refused:
            await commit(bench, upload)
        assert refused.value.code == "content_not_allowed"
    assert bench.ledger.types == ["started", "upload", "upload", "rejected"]
    assert bench.store.objects == {}


class Meanwhile(MemoryStore):
    """Something else happens before a call of `at` is answered, once."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at
        self.happens: Callable[[], Awaitable[object]] | None = None

    async def _reached(self, call: str) -> None:
        if call == self.at and self.happens is not None:
            happens, self.happens = self.happens, None
            await happens()

    @override
    async def open(self, key: ObjectKey, content_type: str) -> str:
        await self._reached("open")
        return await super().open(key, content_type)

    @override
    async def complete(self, key: ObjectKey, multipart_id: str, parts: Sequence[Part]) -> None:
        await self._reached("complete")
        return await super().complete(key, multipart_id, parts)

    @override
    async def stat(self, key: ObjectKey) -> Stored | None:
        await self._reached("stat")
        return await super().stat(key)

    @override
    async def opening(self, key: ObjectKey, size: int) -> bytes:
        await self._reached("opening")
        return await super().opening(key, size)


@pytest.mark.parametrize("at", ["stat", "opening"])
async def test_of_two_commits_at_once_both_hear_that_the_content_is_refused(at: str) -> None:
    store = Meanwhile(at)
    bench = Bench(store=store, sniffer=KnownSniffer(frozenset({"png"})))
    upload = await begun(bench, "put")
    put(bench, upload)

    async def other() -> None:
        with pytest.raises(ContentRefused):
            await commit(bench, upload)

    store.happens = other
    with pytest.raises(ContentRefused):
        await commit(bench, upload)
    assert bench.ledger.types.count("rejected") == 1


async def test_a_commit_that_comes_late_hears_of_the_asset_whose_bytes_lived_already() -> None:
    store = Meanwhile("stat")
    bench = Bench(store=store)
    upload = await begun(bench, "put")
    put(bench, upload)

    async def other() -> None:
        await commit(bench, upload)
        await bench.verified(upload)
        await bench.mark_duplicate(upload.id, UUID(int=7))
        del bench.store.objects[upload.key]  # what the janitor does

    store.happens = other
    assert (await commit(bench, upload)).duplicate_of == UUID(int=7)


async def test_a_commit_beside_an_end_is_told_so_and_its_object_does_not_stay() -> None:
    store = Meanwhile("stat")
    bench = Bench(store=store)
    upload = await begun(bench, "multipart")
    await send(bench, upload, 1, 2, 3, 4)
    bench.clock.advance(80)  # no URL is good any more

    async def end() -> None:
        body = bench.store.objects.pop(upload.key)
        await bench.end(upload.id, OWNER)
        bench.store.objects[upload.key] = body  # the store took its time

    store.happens = end
    with pytest.raises(UploadGone):
        await commit(bench, upload)
    bench.clock.advance(5)
    await bench.expire()
    assert bench.store.objects == {}


async def test_a_multipart_that_is_begun_beside_the_end_of_its_upload_does_not_stay() -> None:
    store = Meanwhile("open")
    bench = Bench(store=store)
    upload = await begun(bench, "multipart")
    store.happens = lambda: bench.end(upload.id, OWNER)
    with pytest.raises(UploadGone):
        await parts_of(bench, upload, 1)
    bench.clock.advance(5)
    await bench.expire()
    assert bench.store.multiparts == {}


async def test_what_is_put_again_for_a_duplicate_is_removed_when_nothing_more_can_come() -> None:
    bench = Bench()
    upload = await begun(bench, "put")
    put(bench, upload)
    await commit(bench, upload)
    await bench.verified(upload)
    await bench.clear(upload.id)
    await bench.mark_duplicate(upload.id, UUID(int=7))
    bench.clock.advance(2)
    await bench.expire()
    assert upload.key in bench.store.objects, "it has its order, and keeps the proof"
    del bench.store.objects[upload.key]  # what the janitor does
    put(bench, upload)
    bench.clock.advance(bench.signer.lifetime.total_seconds() + LATE.total_seconds())
    await bench.expire()
    assert bench.store.objects == {}
    assert bench.ledger[upload].cleared


async def test_bytes_that_belie_their_digest_are_rejected_when_they_are_read() -> None:
    bench = Bench()
    upload = await begun(bench, "put")
    put(bench, upload, FILE[::-1])
    await commit(bench, upload)
    assert (await bench.verified(upload)).reason == "checksum_mismatch"
    with pytest.raises(FileRefused):
        await commit(bench, upload)


async def test_an_object_that_is_gone_when_it_is_verified_is_looked_for_again() -> None:
    bench = Bench()
    upload = await begun(bench, "put")
    put(bench, upload)
    await commit(bench, upload)
    del bench.store.objects[upload.key]
    with pytest.raises(BytesReplaced):
        await bench.verified(upload)
    put(bench, upload)
    assert (await bench.verified(upload)).state == "stored"


async def test_what_is_put_after_the_end_is_removed_when_nothing_more_can_come() -> None:
    bench = Bench()
    upload = await begun(bench, "put")
    await bench.end(upload.id, OWNER)
    put(bench, upload)
    bench.clock.advance(5)
    await bench.expire()
    assert upload.key in bench.store.objects, "each sweep would ask the store for nothing"
    bench.clock.advance(bench.signer.lifetime.total_seconds() + LATE.total_seconds())
    await bench.expire()
    assert bench.store.objects == {}
    assert bench.ledger[upload].cleared


async def test_an_upload_that_expires_uncommitted_leaves_neither_object_nor_parts() -> None:
    bench = Bench()
    single, several = await begun(bench, "put"), await begun(bench, "multipart")
    put(bench, single)
    await send(bench, several, 1, 2)
    bench.clock.advance(1000)
    assert await bench.expire() == 2
    assert (bench.store.objects, bench.store.multiparts) == ({}, {})
    with pytest.raises(UploadGone):
        await commit(bench, single)


async def test_each_batch_of_urls_is_progress_and_there_is_an_end_to_them() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    bench.clock.advance(60)
    await parts_of(bench, upload, 1)
    assert bench.ledger[upload].expires_at > upload.expires_at
    assert bench.ledger[upload].signed_until == bench.clock.now() + timedelta(seconds=30)
    allowed = 4 * upload.plan.count + 4 * URLS_PER_CALL
    for _ in range((allowed - 1) // 4):
        await parts_of(bench, upload, 1, 2, 3, 4)
    with pytest.raises(UrlsExhausted):
        await parts_of(bench, upload, 1, 2, 3, 4)


async def test_a_put_whose_url_has_ended_gets_another_one() -> None:
    bench = Bench()
    upload = await begun(bench, "put")
    assert await parts_of(bench, upload, 1) == [f"put {upload.key}"]
    assert bench.store.multiparts == {}


async def test_no_part_is_signed_without_a_digest_where_short_bodies_count() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    bare = PartsWanted(upload.id, MINE, None, (PartAsked(1, DIGEST), PartAsked(2)))
    with pytest.raises(DigestNeeded):
        await bench.sign_parts(bare)
    bench = Bench(
        capabilities=KnownCapabilities(frozenset({"presigned_parts", "short_body_refused"}))
    )
    upload = await begun(bench, "multipart")
    bare = PartsWanted(upload.id, MINE, None, (PartAsked(2),))
    assert len((await bench.sign_parts(bare)).requests) == 1


async def test_where_nothing_was_found_nothing_is_offered_and_nothing_is_left() -> None:
    bench = Bench(capabilities=KnownCapabilities(frozenset()))
    with pytest.raises(UseTus):
        await begun(bench, "put")
    assert bench.ledger.tables.uploads == {}


async def test_after_its_commit_an_upload_takes_no_more_bytes() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    await send(bench, upload, 1, 2, 3, 4)
    await commit(bench, upload)
    with pytest.raises(AlreadyCommitted):
        await parts_of(bench, upload, 1)


async def test_a_multipart_of_which_no_part_was_asked_for_has_no_object() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    with pytest.raises(ObjectMissing):
        await commit(bench, upload)


async def test_only_the_owner_with_the_right_key_gets_anywhere() -> None:
    bench = Bench()
    mine, other = await begun(bench, "put"), await begun(bench, "put")
    put(bench, mine)
    with pytest.raises(UploadNotFound):
        await parts_of(bench, mine, 1, asker=Asker(STRANGER, "admin"))
    with pytest.raises(UploadNotFound):
        await bench.commit(Commit(mine.id, Asker(STRANGER, "admin"), None, Told()))
    with pytest.raises(KeyMismatch):
        await bench.commit(Commit(mine.id, MINE, other.key, Told()))
    assert bench.ledger[mine].state == "created"


async def test_an_open_multipart_shows_its_parts_and_nothing_when_the_store_is_silent() -> None:
    bench = Bench()
    upload = await begun(bench, "multipart")
    assert (await bench.describe(upload.id, OWNER)).parts == []
    await send(bench, upload, 3)
    (part,) = (await bench.describe(upload.id, OWNER)).parts or []
    assert (part.number, part.size) == (3, 10)
    bench.store.down = True
    assert (await bench.describe(upload.id, OWNER)).parts is None


@pytest.mark.parametrize("declared", ["text/x-unheard-of", "application/octet-stream"])
async def test_a_store_for_everything_hears_the_same_type_again_at_commit(declared: str) -> None:
    bench = Bench()
    sign = replace(bench.sign, create=replace(bench.create, accept_any=True))
    take_over = replace(bench.commit, judge=replace(bench.commit.judge, accept_any=True))
    told = {"filename": "notes.txt", "filetype": declared, "sha256": DIGEST}
    upload = (await sign(NewUpload(OWNER, "admin", len(FILE), "", told), "put")).upload
    bench.store.objects[upload.key] = FILE
    bench.store.types[upload.key] = upload.likely_type
    same, other = Told(content_type=declared), Told(content_type="audio/flac")
    with pytest.raises(CommitMismatch):
        await take_over(Commit(upload.id, MINE, None, other))
    assert (await take_over(Commit(upload.id, MINE, None, same))).state == "verifying"
