"""What the janitor says -> the names that a file carried leave with it."""

from common.events import AssetPurged, Event
from transcoder.consumers.dispatch import Handler
from transcoder.usecases.forget_details import ForgetDetails


def purge_handlers(forget: ForgetDetails) -> dict[type[Event], Handler]:
    """Group `transcoder.purges`."""
    return {AssetPurged: forget}
