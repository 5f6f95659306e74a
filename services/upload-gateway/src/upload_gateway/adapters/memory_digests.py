"""Running digests between two requests on one upload, as long as this process lives."""

from collections import OrderedDict

from common.ids import UploadId
from upload_gateway.domain.checksum import RunningDigest

_BOUND = 4096  # a digest weighs some hundred bytes


class MemoryDigests:
    """The longest unused is dropped when there are too many."""

    def __init__(self, bound: int = _BOUND) -> None:
        self._kept: OrderedDict[UploadId, RunningDigest] = OrderedDict()
        self._bound = bound

    def take(self, upload_id: UploadId, offset: int) -> RunningDigest | None:
        kept = self._kept.pop(upload_id, None)
        if offset == 0:
            return RunningDigest()
        return kept if kept is not None and kept.offset == offset else None

    def keep(self, upload_id: UploadId, digest: RunningDigest) -> None:
        self._kept[upload_id] = digest
        self._kept.move_to_end(upload_id)
        if len(self._kept) > self._bound:
            self._kept.popitem(last=False)
