"""Order among those who write to one upload, in a process and among all."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from common.ids import UploadId
from upload_gateway.ports.body import CutReason


class Writer(Protocol):
    """A request that writes to an upload, and can be ended by others."""

    def reading(self) -> AbstractAsyncContextManager[None]:
        """Inside, waiting for the client ends with BodyCut when the writer is cut or it stalls.

        Only reads of the body belong inside: what is already received is stored in peace.
        """
        ...

    def waiting(self) -> AbstractAsyncContextManager[None]:
        """Inside, waiting for anything else ends with BodyCut when the writer is cut.

        The client is not to blame for that time: it counts neither as a stall nor for its rate.
        """
        ...

    def progressed(self, count: int) -> None:
        """So many bytes arrived: the stall timeout starts anew, and they count for the rate."""
        ...

    def cut(self, reason: CutReason) -> None:
        """End it; the first reason stays."""
        ...


class Writers(Protocol):
    """The writers of this process, one per upload; the generation decides across processes."""

    def writing(self, upload_id: UploadId, generation: int) -> AbstractAsyncContextManager[Writer]:
        """Become the writer: an older one is cut and waited for, a newer one raises Superseded.

        Raises UploadBusy when the older one does not end in time.
        """
        ...

    def attending(self) -> AbstractContextManager[Writer]:
        """For a request that brings more than the bytes of one upload.

        The same stall timeout and minimum rate, and the end of the process cuts it.
        """
        ...

    async def settle(self, upload_id: UploadId, reason: CutReason) -> None:
        """Cut the writer, if there is one, and wait until what it saves is saved.

        Raises UploadBusy when it does not end in time.
        """
        ...

    def held(self) -> dict[UploadId, int]:
        """The generations of all writers of this process."""
        ...

    def cut(self, upload_id: UploadId, generation: int, reason: CutReason) -> None:
        """Cut this very writer, if it is still there; nobody waits."""
        ...


class Presence(Protocol):
    """Who writes, known to all processes (protocols.md 1.8, item 7).

    The generation keeps two writers apart in what they commit. This is about the one that has
    nothing to commit: a half-open request would hold its place, and the bytes it has in memory,
    until its client is given up. Every method raises Unavailable.
    """

    async def beat(self, held: Mapping[UploadId, int]) -> Mapping[UploadId, CutReason]:
        """Say that these writers are alive; those that must end, and why."""
        ...

    async def settle(self, upload_id: UploadId) -> bool:
        """Ask the writer, wherever it is, to end, and wait until what it saves is saved.

        False when there is none, or none that gave a sign of life for some seconds. Raises
        UploadBusy when it does not end in time.
        """
        ...

    async def gone(self, upload_id: UploadId, generation: int) -> None:
        """This writer has ended; a newer one is left alone."""
        ...
