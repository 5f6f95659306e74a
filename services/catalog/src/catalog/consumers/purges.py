"""What the janitor deleted -> the row is closed."""

from catalog.consumers.dispatch import Handlers
from catalog.usecases.close_purged import ClosePurged
from catalog.usecases.record_purge import RecordPurge
from common.events import AssetPurged, ObjectPurged, PurgeFailed


def purge_handlers(*, record: RecordPurge, close: ClosePurged) -> Handlers:
    """Every fact of the janitor that an asset hears of."""
    return {ObjectPurged: record, PurgeFailed: record, AssetPurged: close}
