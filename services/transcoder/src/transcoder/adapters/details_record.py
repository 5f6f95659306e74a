"""The record of what a file says of itself, and its tombstone."""

from common.clock import Clock
from common.events import MediaDetails, Message, new_message, tombstone
from common.events.topics import DETAILS, TRANSCODER
from transcoder.domain.processing import Processing


def details_record(processing: Processing, details: MediaDetails | None, clock: Clock) -> Message:
    """Under the processing's current details sequence; None takes back what was said before."""
    key, sequence = f"{TRANSCODER}/{processing.asset_id}", processing.details_sequence
    if details is None:
        return tombstone(
            DETAILS,
            type=MediaDetails.TYPE,
            source=TRANSCODER,
            key=key,
            sequence=sequence,
            clock=clock,
        )
    return new_message(
        details, source=TRANSCODER, key=key, sequence=sequence, clock=clock, cause=processing.cause
    )
