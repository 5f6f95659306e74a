"""What the catalog says about an asset -> rows; work longer than a second never happens here."""

from common.events import AssetDeleted, AssetPurgeDue, AssetRestored, Event, ProcessingRequested
from transcoder.consumers.dispatch import Handler
from transcoder.usecases.request_processing import RequestProcessing
from transcoder.usecases.resume_processing import ResumeProcessing
from transcoder.usecases.stop_processing import StopProcessing


def asset_handlers(
    request: RequestProcessing, stop: StopProcessing, resume: ResumeProcessing
) -> dict[type[Event], Handler]:
    """Group `transcoder.assets`."""
    return {
        ProcessingRequested: request,
        AssetDeleted: stop,
        AssetPurgeDue: stop,
        AssetRestored: resume,
    }
