"""Many records in one transaction: what a projector does with a topic it has to catch up with."""

from collections.abc import Collection, Sequence

from common.errors import Corrupt, RepriseError
from common.events import Received, decode
from common.events.record import SourceRecord
from common.failpoints import failpoint
from common.subscriber.lane import Lane
from common.telemetry.duplicates import counting
from common.telemetry.logs import get_logger

_log = get_logger("common.subscriber")


async def take_together(
    lane: Lane, sources: Sequence[SourceRecord], behind: Collection[str]
) -> frozenset[int]:
    """Hand over all records that are fit for it at once; the places of those that were taken.

    Left out are those nobody can read, of types not known here, and of keys that wait: they are
    for the way one by one, and so are all when the transaction fails. Records of one key stay in
    their order.
    """
    if lane.handle_many is None:
        return frozenset()
    fit = {n: found for n, source in enumerate(sources) if (found := _read(source, behind))}
    if len(fit) < 2:
        return frozenset()
    try:
        await failpoint("consumer.before_effect")
        with counting(lane.metrics.duplicates.inc):
            await lane.handle_many(list(fit.values()))
        await failpoint("consumer.after_effect")
    except RepriseError as error:
        _log.info("consumer.batch.split", group=lane.group, code=error.code, records=len(fit))
        return frozenset()
    except Exception:  # noqa: BLE001 (whose record it is shows one by one)
        _log.exception("consumer.batch.split", group=lane.group, records=len(fit))
        return frozenset()
    for received in fit.values():
        lane.succeeded(received.envelope)
        lane.gate.succeeded()
    return frozenset(fit)


def _read(source: SourceRecord, behind: Collection[str]) -> Received | None:
    try:
        received = decode(source.key, source.headers, source.value)
    except Corrupt:
        return None
    return None if received.unknown or received.key in behind else received
