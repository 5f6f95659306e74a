from services.transcoder.tests.memory import MemoryLedger, a_request, an_envelope

from common.events import AssetReady, Received
from transcoder.consumers.assets import asset_handlers
from transcoder.consumers.dispatch import dispatch
from transcoder.usecases.request_processing import RequestProcessing
from transcoder.usecases.resume_processing import ResumeProcessing
from transcoder.usecases.stop_processing import StopProcessing


async def test_a_request_becomes_a_job_and_other_facts_are_not_ours() -> None:
    ledger, request = MemoryLedger(), a_request()
    handle = dispatch(
        asset_handlers(RequestProcessing(ledger), StopProcessing(ledger), ResumeProcessing(ledger))
    )
    await handle(
        Received(an_envelope(), "key", AssetReady(asset_id=request.asset_id, run=request.run))
    )
    await handle(Received(an_envelope(), "key", None))
    assert ledger.jobs == {}
    await handle(Received(an_envelope(), "key", request))
    assert len(ledger.jobs) == 1
