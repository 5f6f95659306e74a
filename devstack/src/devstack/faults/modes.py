"""What a fault proxy does with the bytes that pass it: one value for each mode."""

from dataclasses import dataclass
from typing import Literal

# from the client towards the target, and back
Direction = Literal["requests", "answers"]
BOTH: frozenset[Direction] = frozenset({"requests", "answers"})


@dataclass(frozen=True, slots=True)
class Mode:
    """`delay` in seconds before each chunk of at most 64 KiB goes on.

    `budget`: bytes, of both directions together, that each connection may still carry; then it is
    reset. `silent`: directions whose bytes are swallowed. `refusing`: nobody listens.
    """

    delay: float = 0.0
    budget: int | None = None
    silent: frozenset[Direction] = frozenset()
    refusing: bool = False


PASS = Mode()
