"""What is read off the bytes themselves."""

from typing import Protocol

from common.ids import UploadId
from upload_gateway.domain.checksum import RunningDigest
from upload_gateway.domain.formats import Format


class Digests(Protocol):
    """Running digests of this process; losing one costs a read of the object and nothing else."""

    def take(self, upload_id: UploadId, offset: int) -> RunningDigest | None:
        """The digest of exactly the first `offset` bytes; it is the caller's from now on."""
        ...

    def keep(self, upload_id: UploadId, digest: RunningDigest) -> None:
        """Keep it for the next request; bounded, the longest unused goes first."""
        ...


class Sniffer(Protocol):
    """Reads a format off the first bytes."""

    def formats(self, opening: bytes) -> frozenset[Format]:
        """Every format these bytes may be the beginning of; empty when it is none of ours."""
        ...
