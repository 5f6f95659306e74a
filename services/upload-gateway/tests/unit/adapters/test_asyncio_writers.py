import asyncio

import pytest

from common.ids import new_upload_id
from upload_gateway.adapters.asyncio_writers import AsyncioWriters
from upload_gateway.domain.errors import Superseded, UploadBusy
from upload_gateway.ports import BodyCut, CutReason, Writers

UPLOAD = new_upload_id()


async def cut_by(writers: Writers, began: asyncio.Event, generation: int = 1) -> CutReason | None:
    async with writers.writing(UPLOAD, generation) as writer:
        began.set()
        try:
            async with writer.reading():
                await asyncio.Event().wait()
        except BodyCut as cut:
            return cut.reason
    return None


async def test_a_read_that_waits_too_long_is_stalled() -> None:
    assert await cut_by(AsyncioWriters(stall=0.01), asyncio.Event()) == "stalled"


async def test_a_writer_is_cut_in_mid_read_and_waited_for() -> None:
    writers, began = AsyncioWriters(stall=9), asyncio.Event()
    older = asyncio.ensure_future(cut_by(writers, began))
    await began.wait()
    await writers.settle(UPLOAD, "asked")
    assert older.done() or await older == "asked"


async def test_an_older_generation_cannot_cut_a_newer_one() -> None:
    writers, began = AsyncioWriters(stall=9), asyncio.Event()
    newer = asyncio.ensure_future(cut_by(writers, began, generation=2))
    await began.wait()
    with pytest.raises(Superseded):
        await cut_by(writers, asyncio.Event(), generation=1)
    await writers.settle(UPLOAD, "ended")
    assert await newer == "ended"


async def test_a_writer_that_does_not_end_is_told_as_busy() -> None:
    writers = AsyncioWriters(stall=9, patience=0.01)
    async with writers.writing(UPLOAD, 1):
        with pytest.raises(UploadBusy):
            await writers.settle(UPLOAD, "asked")


async def test_stopping_cuts_those_at_work_and_those_that_begin() -> None:
    writers, began = AsyncioWriters(stall=9), asyncio.Event()
    working = asyncio.ensure_future(cut_by(writers, began))
    await began.wait()
    writers.stop()
    assert await working == "stopping"
    assert await cut_by(writers, asyncio.Event(), generation=2) == "stopping"


async def test_a_writer_that_outlasts_its_successor_is_still_waited_for() -> None:
    writers = AsyncioWriters(stall=9, patience=0.01)
    async with writers.writing(UPLOAD, 1):
        for generation in (2, 3):
            with pytest.raises(UploadBusy):
                await cut_by(writers, asyncio.Event(), generation)
    await writers.settle(UPLOAD, "asked")
    assert writers._current == {}
