"""What the catalog says of an asset may come late, twice, and in any order."""

from collections.abc import Callable, Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.transcoder.tests.memory import MemoryLedger, Tools, a_request, an_envelope

from common.clock import SystemClock
from common.events import (
    AssetDeleted,
    AssetPurged,
    AssetPurgeDue,
    AssetRestored,
    Envelope,
    Event,
    ProcessingRequested,
)
from common.ids import AssetId, new_asset_id
from transcoder.consumers.assets import asset_handlers
from transcoder.consumers.purges import purge_handlers
from transcoder.domain.processing import RunState
from transcoder.usecases.forget_details import ForgetDetails
from transcoder.usecases.probe_media import ProbeMedia
from transcoder.usecases.request_processing import RequestProcessing
from transcoder.usecases.resume_processing import ResumeProcessing
from transcoder.usecases.stop_processing import StopProcessing

ASSET = new_asset_id()
Told = tuple[Event, Envelope]


def requested(run: int) -> Event:
    return a_request(asset_id=ASSET, run=run)


def deleted() -> Event:
    return AssetDeleted(asset_id=ASSET, generation=2, restorable_until=SystemClock().now())


def restored() -> Event:
    return AssetRestored(asset_id=ASSET, generation=3)


def purge_due() -> Event:
    return AssetPurgeDue(asset_id=ASSET, reason="deleted", keys=())


def purged() -> Event:
    return AssetPurged(asset_id=ASSET, reason="deleted", objects=1)


LIVES: list[list[Callable[[], Event]]] = [
    [lambda: requested(1), deleted],
    [lambda: requested(1), deleted, restored],
    [lambda: requested(1), deleted, restored, lambda: requested(2)],
    [lambda: requested(1), lambda: requested(2), lambda: requested(3)],
    [lambda: requested(1), deleted, restored, deleted],
    [lambda: requested(1), deleted, purge_due],
    [lambda: requested(1), deleted, restored, lambda: requested(2), deleted, purge_due],
    [purge_due],
]


def life(number: int) -> list[Told]:
    return [(make(), an_envelope(n)) for n, make in enumerate(LIVES[number], start=1)]


async def outcome(told: Sequence[Told]) -> tuple[object, ...]:
    """The run, how it stands, and what waits to be done for it; a dead one may leave no row."""
    ledger = MemoryLedger()
    handlers = asset_handlers(
        RequestProcessing(ledger), StopProcessing(ledger), ResumeProcessing(ledger)
    ) | purge_handlers(ForgetDetails(ledger))
    for event, envelope in told:
        await handlers[type(event)](event, envelope)
    waiting = {(run, step) for (_, run, step, _), s in ledger.jobs.items() if s == "waiting"}
    row = ledger.rows.get(ASSET)
    if row is None or row.state is RunState.GONE:
        return ("dead", waiting)
    return (row.run, row.state, waiting)


@pytest.mark.parametrize("number", range(len(LIVES)))
async def test_any_order_ends_as_the_straight_one(number: int) -> None:
    straight = life(number)
    expected = await outcome(straight)
    for told in permutations(straight[:5]):
        assert await outcome([*told, *straight[5:]]) == expected


@settings(deadline=None)
@given(st.data())
async def test_any_order_with_repeats_ends_as_the_straight_one(data: st.DataObject) -> None:
    straight = life(data.draw(st.integers(0, len(LIVES) - 1)))
    again = data.draw(st.lists(st.sampled_from(straight), max_size=4))
    assert await outcome(data.draw(st.permutations([*straight, *again]))) == await outcome(straight)


async def test_a_request_that_comes_after_the_purge_makes_nothing_and_keeps_no_names() -> None:
    ledger, tools = MemoryLedger(), Tools()
    request = requested(1)
    assert isinstance(request, ProcessingRequested)
    await ForgetDetails(ledger)(purged(), an_envelope())  # type: ignore[arg-type]
    await RequestProcessing(ledger)(request, an_envelope(1))
    for claim in ledger.claims():
        await ProbeMedia(ledger, tools, tools, tools, tools, True)(claim)
    assert ledger.details == []
    assert ledger.rows.get(AssetId(ASSET)) is None
