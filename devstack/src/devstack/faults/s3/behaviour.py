"""What a test has told the store to do wrong, and what it has seen."""

import asyncio
import threading
from dataclasses import dataclass, field, replace

from devstack.faults.s3.errors import Refused


@dataclass(frozen=True, slots=True)
class Offers:
    """Optional capabilities; each may be missing in a real store, and is refused here when off.

    `refuses_short_bodies` off stores what arrived of a cut PUT, and fills a cut part with zeros,
    unless a digest came with it: as one well-known server does. The last ones no store may lack;
    switched off they show that a probe notices.
    """

    presigned_get: bool = True
    presigned_put: bool = True
    presigned_parts: bool = True
    refuses_short_bodies: bool = True
    conditional_put: bool = True
    conditional_complete: bool = True
    cors: bool = True
    lifecycle: bool = True
    lists_multiparts: bool = True
    copies_parts: bool = True
    suffix_ranges: bool = True
    unequal_parts: bool = True
    compares_digests: bool = True
    checks_signatures: bool = True
    conditional_get: bool = True
    aborts: bool = True
    keeps_order: bool = True
    deletes: bool = True


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong with matching requests, `times` times (None: until healed).

    `delay` in seconds, then: `hang` waits until healed; `refused` answers that error;
    `cut_request` resets the connection after so many bytes of the body; `cut_answer` after so many
    of the answer; `reset_after` does the work and resets instead of answering; `short` ends a
    listing after so many entries as if there were no more.
    """

    operation: str
    times: int | None = None
    key: str = ""
    part: int | None = None
    delay: float = 0.0
    hang: bool = False
    refused: Refused | None = None
    cut_request: int | None = None
    cut_answer: int | None = None
    reset_after: bool = False
    short: int | None = None

    def fits(self, operation: str, key: str, part: int | None) -> bool:
        return (
            self.operation in {operation, "*"}
            and self.key in key
            and self.part in {None, part}
            and self.times != 0
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came over the wire, with its answer's status (0: none was given)."""

    operation: str
    key: str
    headers: dict[str, str]
    query: dict[str, str]
    host: str
    size: int = 0
    status: int = 0

    @property
    def part(self) -> int | None:
        return int(self.query["partNumber"]) if "partNumber" in self.query else None


@dataclass(slots=True)
class Behaviour:
    """Shared by the test's thread, which changes it, and the server's, which obeys."""

    offers: Offers = field(default_factory=Offers)
    lost: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)
    _faults: list[Fault] = field(default_factory=list)
    _held: list[asyncio.Event] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        with self._guard:
            self._faults.append(fault)

    def clear(self) -> list[asyncio.Event]:
        """Forget all faults; returns what hanging requests wait for."""
        with self._guard:
            self._faults.clear()
            held, self._held = self._held, []
            return held

    def take(self, operation: str, key: str, part: int | None) -> Fault | None:
        """The first fault that fits, used up by one."""
        with self._guard:
            for fault in self._faults:
                if fault.fits(operation, key, part):
                    if fault.times is not None:
                        fault.times -= 1
                    return replace(fault)
        return None

    @property
    def hanging(self) -> int:
        return len(self._held)

    async def hang(self) -> None:
        event = asyncio.Event()
        with self._guard:
            self._held.append(event)
        await event.wait()

    def saw(self, call: Call) -> None:
        with self._guard:
            self.calls.append(call)
