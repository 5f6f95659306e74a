"""The use cases together: from the request to the last fact."""

from dataclasses import dataclass, field, replace

import pytest
from services.transcoder.tests.memory import FLAC, MemoryLedger, Tools, a_request, an_envelope

from common.clock import SystemClock
from common.errors import Unavailable
from common.events import (
    AssetDeleted,
    AssetPurged,
    AssetPurgeDue,
    AssetRestored,
    Envelope,
    MediaProbed,
    ProcessingFailed,
    ProcessingFinished,
    ProcessingRequested,
    RenditionFailed,
    RenditionReady,
)
from common.ids import AssetId
from common.jobs.job import LeaseLost
from transcoder.domain.errors import CorruptMedia, EncoderFailed, Truncated
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.processing import RunState
from transcoder.usecases.forget_details import ForgetDetails
from transcoder.usecases.give_up import GiveUp
from transcoder.usecases.probe_media import ProbeMedia
from transcoder.usecases.request_processing import RequestProcessing
from transcoder.usecases.resume_processing import ResumeProcessing
from transcoder.usecases.run_step import RunStep
from transcoder.usecases.stop_processing import StopProcessing


@dataclass
class World:
    """All use cases over one ledger and one set of tools."""

    request: ProcessingRequested = field(default_factory=a_request)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    tools: Tools = field(default_factory=Tools)
    pre_encode: bool = True

    @property
    def state(self) -> RunState:
        return self.ledger.rows[AssetId(self.request.asset_id)].state

    async def asked(self, envelope: Envelope | None = None) -> None:
        await RequestProcessing(self.ledger)(self.request, envelope or an_envelope())

    async def probe(self) -> None:
        tools = self.tools
        probe = ProbeMedia(self.ledger, tools, tools, tools, tools, self.pre_encode)
        await probe(self.ledger.claims()[0])

    def step(self) -> RunStep:
        t = self.tools
        return RunStep(self.ledger, t, t, t, t, t, t, SystemClock())

    async def all_steps(self) -> None:
        for claim in self.ledger.claims():
            await self.step()(claim)

    async def deleted(self) -> None:
        now = SystemClock().now()
        event = AssetDeleted(asset_id=self.request.asset_id, generation=2, restorable_until=now)
        await StopProcessing(self.ledger)(event, an_envelope())

    async def restored(self) -> None:
        event = AssetRestored(asset_id=self.request.asset_id, generation=3)
        await ResumeProcessing(self.ledger)(event, an_envelope())


async def test_a_run_tells_its_plan_its_renditions_and_its_end() -> None:
    world = World()
    await world.asked()
    await world.probe()
    await world.all_steps()
    told = [fact for _, fact in world.ledger.facts]
    assert world.ledger.told() == [
        "MediaProbed", "RenditionReady", "RenditionReady", "ProcessingFinished",
    ]  # fmt: skip
    assert isinstance(told[0], MediaProbed)
    assert [step.rendition for step in told[0].plan] == ["mp3-192", "aac-128"]
    assert isinstance(told[1], RenditionReady)
    assert told[1].key in world.tools.stored
    assert told[1].profile == "mp3-192.1"
    assert isinstance(told[3], ProcessingFinished)
    assert told[3].ready == ("mp3-192", "aac-128")
    assert world.state is RunState.ENDED


async def test_names_take_their_own_road_and_stay_out_of_the_row() -> None:
    world = World()
    await world.asked()
    await world.probe()
    (details,) = world.ledger.details
    assert details is not None
    assert details.tags == {"title": "A"}
    assert "title" not in repr(world.ledger.rows)


async def test_a_request_heard_twice_is_one_job() -> None:
    world, envelope = World(), an_envelope()
    await world.asked(envelope)
    await world.asked(envelope)
    await world.asked()  # the same run under another event id
    assert len(world.ledger.jobs) == 1


async def test_a_new_run_takes_the_place_of_the_old_one_and_counts_on() -> None:
    world = World()
    await world.asked()
    await world.probe()
    old = world.ledger.claims()
    world.request = a_request(asset_id=AssetId(world.request.asset_id), run=2)
    await world.asked()
    with pytest.raises(LeaseLost):
        await world.step()(old[0])
    row = world.ledger.rows[AssetId(world.request.asset_id)]
    assert (row.state, row.sequence, row.run) == (RunState.PROBING, 1, world.request.run)


@pytest.mark.parametrize("failure", [CorruptMedia(), Truncated()])
async def test_a_file_nobody_can_read_fails_the_run_with_its_reason(failure: CorruptMedia) -> None:
    world = World(tools=Tools(probing=failure))
    await world.asked()
    await world.probe()
    (_, fact), = world.ledger.facts  # fmt: skip
    assert isinstance(fact, ProcessingFailed)
    assert fact.reason == failure.code
    assert world.ledger.claims() == []
    assert world.state is RunState.ENDED


async def test_an_end_that_is_missing_is_found_by_the_probe() -> None:
    world = World(tools=Tools(ending=Truncated()))
    await world.asked()
    await world.probe()
    assert world.ledger.told() == ["ProcessingFailed"]
    assert world.tools.outcomes == ["truncated"]


async def test_without_pre_encoding_the_run_ends_with_its_probe() -> None:
    world = World(pre_encode=False)
    await world.asked()
    await world.probe()
    assert world.ledger.told() == ["MediaProbed", "ProcessingFinished"]
    assert world.ledger.claims() == []


async def test_one_failed_step_does_not_stop_the_other() -> None:
    world = World(tools=Tools(encoding_fails={"aac-128": EncoderFailed()}))
    await world.asked()
    await world.probe()
    await world.all_steps()
    finished = world.ledger.facts[-1][1]
    assert isinstance(finished, ProcessingFinished)
    assert (finished.ready, finished.failed) == (("mp3-192",), ("aac-128",))


async def test_an_output_that_is_too_short_is_never_called_ready() -> None:
    world = World(tools=Tools(output=MediaInfo("mp3", "mp3", duration=100.0)))
    await world.asked()
    await world.probe()
    await world.step()(world.ledger.claims()[0])
    fact = world.ledger.facts[-1][1]
    assert isinstance(fact, RenditionFailed)
    assert fact.reason == "truncated"
    assert world.tools.stored == []


async def test_an_outage_says_nothing_and_leaves_the_job() -> None:
    world = World(tools=Tools(encoding_fails={"mp3-192": Unavailable()}))
    await world.asked()
    await world.probe()
    with pytest.raises(Unavailable):
        await world.step()(world.ledger.claims()[0])
    assert world.ledger.told() == ["MediaProbed"]
    assert len(world.ledger.claims()) == 2


async def test_a_step_that_lost_its_lease_records_nothing() -> None:
    world = World()
    await world.asked()
    await world.probe()
    claim = world.ledger.claims()[0]
    await world.step()(claim)
    before = list(world.ledger.facts)
    with pytest.raises(LeaseLost):
        await world.step()(claim)
    assert world.ledger.facts == before


async def test_a_deleted_asset_stops_and_a_restored_one_makes_only_what_is_missing() -> None:
    world = World()
    await world.asked()
    await world.probe()
    await world.step()(world.ledger.claims()[0])
    await world.deleted()
    assert world.ledger.claims() == []
    await world.restored()
    assert [claim.rendition for claim in world.ledger.claims()] == ["aac-128"]
    await world.all_steps()
    assert world.tools.encoded == ["mp3-192", "aac-128"]
    assert world.state is RunState.ENDED


async def test_an_asset_deleted_before_its_probe_is_probed_after_its_return() -> None:
    world = World()
    await world.asked()
    await world.deleted()
    await world.restored()
    assert [claim.rendition for claim in world.ledger.claims()] == [None]


async def test_deleting_what_has_ended_and_restoring_it_does_nothing() -> None:
    world = World(pre_encode=False)
    await world.asked()
    await world.probe()
    await world.deleted()
    await world.restored()
    assert world.state is RunState.ENDED
    assert world.ledger.claims() == []


async def test_a_purged_asset_never_runs_again_and_its_names_are_removed() -> None:
    world = World()
    await world.asked()
    await world.probe()
    asset_id = world.request.asset_id
    due = AssetPurgeDue(asset_id=asset_id, reason="deleted", keys=())
    await StopProcessing(world.ledger)(due, an_envelope())
    purged = AssetPurged(asset_id=asset_id, reason="deleted", objects=0)
    envelope = an_envelope()
    await ForgetDetails(world.ledger)(purged, envelope)
    await ForgetDetails(world.ledger)(purged, envelope)
    assert world.ledger.details[1:] == [None]
    world.request = a_request(asset_id=AssetId(asset_id), run=2)
    await world.asked()
    await world.restored()
    assert world.ledger.claims() == []
    assert world.state is RunState.GONE


async def test_the_last_try_ends_the_step_and_with_it_the_run() -> None:
    world = World()
    await world.asked()
    await world.probe()
    first, second = world.ledger.claims()
    await world.step()(first)
    await GiveUp(world.ledger)(second, "encoder_killed")
    assert world.ledger.told()[-2:] == ["RenditionFailed", "ProcessingFinished"]
    assert world.state is RunState.ENDED


async def test_the_last_try_of_a_probe_ends_the_run() -> None:
    world = World()
    await world.asked()
    await GiveUp(world.ledger)(world.ledger.claims()[0], "worker_died")
    assert world.ledger.told() == ["ProcessingFailed"]


async def test_a_file_that_says_nothing_of_itself_has_no_details() -> None:
    world = World(tools=Tools(info=replace(FLAC, tags={})))
    await world.asked()
    await world.probe()
    assert world.ledger.details == []
