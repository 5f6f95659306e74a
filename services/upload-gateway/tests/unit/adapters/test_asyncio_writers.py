import asyncio

import pytest

from common.ids import new_upload_id
from upload_gateway.adapters.asyncio_writers import AsyncioWriters, Slowest
from upload_gateway.domain.errors import Superseded, UploadBusy
from upload_gateway.ports.body import BodyCut, CutReason
from upload_gateway.ports.writers import Writers

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


async def _trickled(writers: Writers, pause: float, size: int, times: int) -> CutReason | None:
    """A client that sends `size` bytes after each pause."""
    async with writers.writing(UPLOAD, 1) as writer:
        try:
            for _ in range(times):
                async with writer.reading():
                    await asyncio.sleep(pause)
                writer.progressed(size)
                async with writer.reading():
                    await asyncio.sleep(0)
        except BodyCut as cut:
            return cut.reason
    return None


async def test_a_trickle_below_the_minimum_rate_is_cut_after_a_window() -> None:
    writers = AsyncioWriters(stall=9, slowest=Slowest(rate=10_000, window=0.05))
    assert await _trickled(writers, 0.01, 1, 50) == "too_slow"


async def test_a_slow_client_above_the_minimum_rate_is_borne_with() -> None:
    writers = AsyncioWriters(stall=9, slowest=Slowest(rate=100, window=0.02))
    assert await _trickled(writers, 0.01, 50, 20) is None


async def test_time_in_which_the_client_is_not_waited_for_does_not_count() -> None:
    writers = AsyncioWriters(stall=9, slowest=Slowest(rate=1_000, window=0.05))
    async with writers.writing(UPLOAD, 1) as writer:
        for _ in range(3):
            async with writer.reading():
                writer.progressed(1)
            await asyncio.sleep(0.04)  # the store takes its time
        async with writer.reading():
            writer.progressed(1)


async def test_a_client_that_sends_within_a_short_stall_timeout_is_not_cut() -> None:
    writers = AsyncioWriters(stall=0.2)
    async with writers.writing(UPLOAD, 1) as writer, writer.reading():
        for _ in range(12):
            await asyncio.sleep(0.03)
            writer.progressed(1)
