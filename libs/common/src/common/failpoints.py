"""Named points where a test may kill, raise or sleep; silent unless a setting switches one on.

`REPRISE_FAILPOINTS="gateway.after_intent=exit,relay.after_commit=sleep:2"`: actions are `exit` (as
kill -9 would), `raise` and `sleep:SECONDS`; a last `:N` acts at the Nth pass alone (`exit:3` dies
in the middle of a batch, `sleep:5:1` sleeps once). What is reached is told on stderr, so that a
test knows the moment and can prove that a process died here and nowhere else.

Every name stands in POINTS: tests/faults demands a real kill for each.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from common.errors import Invalid, Unavailable

Kind = Literal["exit", "raise", "sleep"]
DIED = 137  # exit code, as a shell tells a SIGKILL

POINTS: dict[str, str] = {
    "gateway.before_intent": "an upload is accepted, its row is not committed",
    "gateway.after_intent": "the upload row is committed, no multipart exists",
    "gateway.after_create_multipart": "the multipart exists, its id is not stored",
    "gateway.after_part_stored": "S3 has the part, its row is not committed",
    "gateway.after_part_committed": "the part's row is committed, the client has no answer",
    "gateway.after_tail_stored": "S3 has a staged tail, its row is not committed",
    "gateway.before_complete": "all parts are there, Complete was not sent",
    "gateway.after_complete": "the object exists, the row still says verifying",
    "gateway.after_stored": "the row says stored, nobody was told",
    "gateway.after_end": "the upload is ended by its owner, nothing of it is cleared",
    "relay.after_fetch": "a batch is read, nothing is sent",
    "relay.before_commit": "a batch is sent, its transaction is open",
    "relay.after_commit": "the batch is in Kafka, its rows are not marked",
    "relay.after_mark": "the rows are marked, nothing else is fetched yet",
    "consumer.before_effect": "a record is read, nothing is done",
    "consumer.after_effect": "the effect is committed, the offset is not",
    "consumer.after_dead_letter": "a dead letter is in Kafka, the offset is not committed",
    "consumer.after_park": "a record is parked behind its key, the offset is not committed",
    "consumer.after_drain": "a parked record had its effect, its row is still there",
    "jobs.after_claim": "a job is leased, nothing is done",
    "jobs.after_run": "the work and the job's end are committed, the worker has not gone on",
    "transcoder.tool_running": "a tool is at work in its sandbox (the first is the check at start)",
    "transcoder.after_output": "the output is in S3, the row is not committed",
    "catalog.before_grace_end": "an asset's purge is decided, its transaction is open",
    "catalog.after_grace_end": "the purge is decided, nobody was told",
    "delivery.before_index_commit": "records are applied to the index, its transaction is open",
    "delivery.after_index_commit": "records and offset are in the index, nothing else is read",
    "delivery.before_index_swap": "a rebuilt index knows what the live one knows, no name is moved",
    "delivery.after_rebuild_batch": "a batch is in an index that is being built, the end is not",
    "janitor.after_rebuild_batch": "a batch is in the shadow of the ledger, nothing is concluded",
    "janitor.before_ledger_swap": "the shadow has the ledger's names, its transaction is open",
    "janitor.after_object": "one object of an order is gone, others may be left",
    "janitor.after_delete": "all objects of an order are gone, no row is closed",
    "janitor.after_close": "an order is closed with its proof, the worker has not gone on",
}


@dataclass(slots=True)
class _Switch:
    """What to do at a point: at each pass, or at the `only`-th."""

    kind: Kind
    seconds: float = 0.0
    only: int | None = None
    passed: int = 0

    def due(self) -> bool:
        self.passed += 1
        return self.only is None or self.passed == self.only


_active: dict[str, _Switch] = {}


def activate(setting: str) -> None:
    """Switch points on from `name=action,…`; an unknown name or action is refused at start."""
    for item in filter(None, (part.strip() for part in setting.split(","))):
        name, _, action = item.partition("=")
        if name not in POINTS:
            raise Invalid(f"unknown failpoint {name!r}; known: {', '.join(sorted(POINTS))}")
        _active[name] = _parse(action)


def clear() -> None:
    """Switch all points off."""
    _active.clear()


async def failpoint(name: str, *, first: Callable[[], Awaitable[object]] | None = None) -> None:
    """Do what was asked for at this point; costs one dictionary look-up when nothing was.

    `first` makes true what the point says where the code itself does not wait for it.
    """
    switch = _due(name)
    if switch is None:
        return
    if first is not None:
        await first()
    _reach(name, switch)
    await asyncio.sleep(switch.seconds)


def failpoint_in_thread(name: str) -> None:
    """The same where nothing can be awaited; it sleeps with the whole thread."""
    switch = _due(name)
    if switch is not None:
        _reach(name, switch)
        time.sleep(switch.seconds)


def _due(name: str) -> _Switch | None:
    switch = _active.get(name)
    return switch if switch is not None and switch.due() else None


def _reach(name: str, switch: _Switch) -> None:
    """Tell it, then do what is not sleeping."""
    # not through the log: an exit must not wait for a buffer
    os.write(2, f'{{"event": "failpoint.{switch.kind}", "failpoint": "{name}"}}\n'.encode())
    if switch.kind == "exit":
        os._exit(DIED)
    if switch.kind == "raise":
        raise Unavailable(f"failpoint {name}", code="failpoint")


def _parse(action: str) -> _Switch:
    kind, *numbers = action.split(":")
    try:
        if kind == "sleep":
            seconds, *only = numbers
            return _Switch("sleep", float(seconds), _nth(only))
        if kind == "exit":
            return _Switch("exit", only=_nth(numbers) or 1)
        if kind == "raise":
            return _Switch("raise", only=_nth(numbers))
    except ValueError as error:
        raise _unknown(action) from error
    raise _unknown(action)


def _nth(numbers: list[str]) -> int | None:
    if not numbers:
        return None
    (number,) = numbers
    return int(number)


def _unknown(action: str) -> Invalid:
    return Invalid(
        f"unknown failpoint action {action!r}; use exit, raise or sleep:SECONDS, then :N"
    )
