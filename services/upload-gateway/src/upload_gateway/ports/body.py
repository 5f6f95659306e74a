"""The bytes of a request, and why they may end before their end."""

from typing import Literal, Protocol

CutReason = Literal[
    "client_gone",  # the connection ended in the body
    "stalled",  # no byte for longer than the stall timeout
    "too_slow",  # fewer bytes in the time of a window than the minimum rate asks for
    "stopping",  # the process got SIGTERM
    "asked",  # somebody asked for the offset: who asks is about to go on from there
    "superseded",  # a newer request writes; it brings the uncommitted bytes again
    "ended",  # the upload was aborted
    "failed",  # a part could not be stored; receiving more of them makes no sense
]


class BodyCut(Exception):
    """The body of a request ended before its end; never leaves the use case that reads it."""

    def __init__(self, reason: CutReason) -> None:
        super().__init__(reason)
        self.reason: CutReason = reason


class Body(Protocol):
    """The bytes of a request as they arrive."""

    async def read_into(self, view: memoryview) -> int:
        """Copy what is there, at least one byte, into `view`; 0 at the end of the body.

        A call that is cancelled loses nothing: the next one gives the same bytes. Raises
        BodyCut(`client_gone`) when the connection ends first.
        """
        ...
