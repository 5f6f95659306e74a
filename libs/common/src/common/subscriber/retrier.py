"""Tries again what waits in rows: key by key, in order, beside the consumers."""

import asyncio
from collections.abc import Sequence

from common.errors import RepriseError, Unavailable
from common.events import decode
from common.failpoints import failpoint
from common.subscriber.backoff import delay_after
from common.subscriber.lane import Lane, told
from common.subscriber.port import Claim
from common.telemetry.liveness import beat
from common.telemetry.logs import get_logger
from common.web.loops import wait_for

POLL = 0.5  # seconds without anything due
AFTER_OUTAGE = 5.0  # seconds
KEYS = 100  # of one group in a turn, then the next group has its turn
ROWS = 50  # of one key in a turn, so that a long one keeps no other waiting

_log = get_logger("common.subscriber")


class Retrier:
    """Drains the parked keys of all groups of a service.

    Each row goes through the group's own handler, and then goes, in a transaction of its own: a
    crash in between hands the record to the handler once more, which must bear that of any record.
    A row that fails makes its key wait, longer each time; one that can never succeed becomes a dead
    letter and lets its followers go on. A paused group is left alone, unless it is paused for want
    of room: its rows must become fewer before it can read on.
    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes

    async def loop(self, stop: asyncio.Event) -> None:
        """Run until `stop`."""
        while not stop.is_set():
            beat()
            try:
                worked = [await self._turn(lane, stop) for lane in self._lanes]
            except Unavailable as error:
                _log.warning("parked.retry", code=error.code)
                await wait_for(stop, AFTER_OUTAGE)
            else:
                if not any(worked):
                    await wait_for(stop, POLL)

    async def _turn(self, lane: Lane, stop: asyncio.Event) -> bool:
        """Whether anything was due. Raises Unavailable: the database is away for all keys."""
        parking = lane.parking
        if parking is None:
            return False
        lane.waiting = await parking.count()
        lane.metrics.parked_keys.set(lane.waiting)
        if not lane.waiting:
            return False
        await lane.gate.look()  # its consumer may not have begun, for want of Kafka
        if not lane.gate.drains:
            return False
        keys = await parking.due(KEYS)
        for key in keys:
            if stop.is_set() or not lane.gate.drains:
                break
            beat()
            await self._drain(lane, key, stop)
        return bool(keys)

    async def _drain(self, lane: Lane, key: str, stop: asyncio.Event) -> None:
        assert lane.parking is not None  # noqa: S101 (asked by the caller)
        for _ in range(ROWS):
            async with lane.parking.claim(key) as claim:
                if claim is None or stop.is_set():
                    return
                went = await self._try(lane, claim)
            if not went:
                return

    async def _try(self, lane: Lane, claim: Claim) -> bool:
        """Whether the row goes; what was decided is committed with the claim."""
        error = await _refusal(lane, claim)
        if error is not None and lane.fate(error) == "dead_letter":
            try:
                await lane.give_up(claim.record, error, claim.attempts + 1)
            except Unavailable as away:
                error = away
            else:
                error = None
        if error is None:
            await claim.done()
            return True
        reason, detail = told(error)
        _log.info("parked.waits", group=lane.group, reason=reason, attempts=claim.attempts + 1)
        delay = delay_after(error, claim.attempts + 1)
        await claim.wait(delay, reason=reason, detail=detail)
        return False


async def _refusal(lane: Lane, claim: Claim) -> Exception | None:
    """What kept the handler from taking the record; None when it had its effect."""
    record = claim.record
    try:
        received = decode(record.key, record.headers, record.value)
        with lane.traced(received):
            await lane.run(received)
    except RepriseError as error:
        return error
    except Exception as error:  # noqa: BLE001 (logged, and kept with its row)
        _log.exception("parked.surprise", group=lane.group)
        return error
    lane.succeeded(received.envelope)
    await failpoint("consumer.after_drain")
    return None
