"""What a browser was seen to send to the store, part by part."""

import re
from collections import Counter
from pathlib import Path

from tests.clients.foreign import MIB, Foreign
from tests.e2e.client import eventually

SIZE = 41 * MIB
COUNT = 6  # of 8 MiB


def stored_parts(log: Path) -> list[int]:
    """The numbers of the parts that the store took, each time it did."""
    return [int(number) for number in re.findall(r"part (\d+) 200", log.read_text())]


def none_twice(log: Path) -> bool:
    """No part that its sender knew to be stored was sent again."""
    return max(Counter(stored_parts(log)).values()) == 1


def some_stored(client: Foreign, log: Path, count: int) -> None:
    """Returns when so many parts are in the store."""
    eventually(
        lambda: client.running and len(stored_parts(log)) < count,
        lambda waiting: not waiting,
        within=60,
        saying=f"{count} parts should be stored",
    )
    assert client.running, client.log()
