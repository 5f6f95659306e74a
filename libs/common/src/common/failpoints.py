"""Named points where a test may kill, raise or sleep; silent unless a setting switches one on.

`REPRISE_FAILPOINTS="gateway.after_intent=exit,relay.after_commit=sleep:2"`: actions are `exit` (as
kill -9 would), `raise` and `sleep:SECONDS`. Every name stands in POINTS, so that a test can demand
one real kill for each.
"""

import asyncio
import os
from typing import Literal

from common.errors import Invalid, Unavailable

Action = Literal["exit", "raise"] | float

POINTS: dict[str, str] = {
    "gateway.after_intent": "the upload row is committed, no multipart exists",
    "gateway.after_create_multipart": "the multipart exists, its id is not stored",
    "gateway.after_part_stored": "S3 has the part, its row is not committed",
    "gateway.after_part_committed": "the part's row is committed, the client has no answer",
    "gateway.before_complete": "all parts are there, Complete was not sent",
    "gateway.after_complete": "the object exists, the row still says verifying",
    "gateway.after_stored": "the row says stored, nobody was told",
    "relay.after_fetch": "a batch is read, nothing is sent",
    "relay.after_commit": "the batch is in Kafka, its rows are not marked",
    "consumer.before_effect": "a record is read, nothing is done",
    "consumer.after_effect": "the effect is committed, the offset is not",
    "jobs.after_claim": "a job is leased, nothing is done",
    "transcoder.after_output": "the output is in S3, the row is not committed",
    "janitor.after_delete": "the object is gone, its row is not closed",
}

_active: dict[str, Action] = {}


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


async def failpoint(name: str) -> None:
    """Do what was asked for at this point; costs one dictionary look-up when nothing was."""
    action = _active.get(name)
    if action is None:
        return
    if action == "exit":
        os._exit(137)
    if action == "raise":
        raise Unavailable(f"failpoint {name}", code="failpoint")
    await asyncio.sleep(float(action))


def _parse(action: str) -> Action:
    if action == "exit":
        return "exit"
    if action == "raise":
        return "raise"
    if action.startswith("sleep:"):
        return float(action.removeprefix("sleep:"))
    raise Invalid(f"unknown failpoint action {action!r}; use exit, raise or sleep:SECONDS")
