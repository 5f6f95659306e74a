"""For tests: wait until a stack has come to rest, then check what it left behind.

Both block; an async test calls them by `asyncio.to_thread`.
"""

import asyncio
import time
from pathlib import Path

from devstack.errors import DevstackError
from devstack.history.check import check
from devstack.history.collect import addresses_of, collect
from devstack.history.model import Violation
from devstack.history.rest import unrest
from devstack.stack import Stack

_PAUSE = 0.25  # seconds between looks


def check_stack(stack: Stack, acks: Path | None = None, *, quiet: bool = True) -> list[Violation]:
    """What the history of this stack breaks. `quiet`: it has come to rest, nothing is on its way.

    Tests that put records of their own into the product's topics (poison) find them again as
    `unknown_record` and sort those out.
    """
    return check(asyncio.run(collect(addresses_of(stack), acks, quiet=quiet)))


def wait_until_quiet(stack: Stack, *, within: float = 60.0) -> None:
    """Until outboxes are empty, consumers have committed everything and no job is due to run.

    Seen twice in a row: what a consumer does last may be the first thing of the next. Raises
    DevstackError, naming what still moves, after `within` seconds.
    """
    addresses, deadline, still = addresses_of(stack), time.monotonic() + within, 0
    while still < 2:
        moving = asyncio.run(unrest(addresses))
        still = 0 if moving else still + 1
        if moving and time.monotonic() > deadline:
            raise DevstackError(f"no rest after {within} s: {'; '.join(moving)}")
        time.sleep(_PAUSE)
