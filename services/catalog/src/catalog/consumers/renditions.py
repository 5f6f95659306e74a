"""What a processing run planned, made and could not make -> ready or failed."""

from catalog.consumers.dispatch import Handlers
from catalog.usecases.condemn_flagged import CondemnFlagged
from catalog.usecases.end_run import EndRun
from catalog.usecases.record_plan import RecordPlan
from catalog.usecases.record_rendition import RecordRendition
from common.events import (
    MediaFlagged,
    MediaProbed,
    ProcessingFailed,
    ProcessingFinished,
    RenditionFailed,
    RenditionReady,
)


def rendition_handlers(
    *, plan: RecordPlan, rendition: RecordRendition, end: EndRun, flag: CondemnFlagged
) -> Handlers:
    """Every fact of the transcoder that an asset hears of."""
    return {
        MediaProbed: plan,
        RenditionReady: rendition,
        RenditionFailed: rendition,
        ProcessingFinished: end,
        ProcessingFailed: end,
        MediaFlagged: flag,
    }
