"""Look at the first bytes of an object and decide whether it may be kept."""

from dataclasses import dataclass

from upload_gateway.domain.acceptance import Refusal
from upload_gateway.domain.formats import Format
from upload_gateway.domain.judgement import judged
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.content import Sniffer
from upload_gateway.ports.store import PartStore

OPENING = 64 * 1024  # bytes that are sniffed


@dataclass(frozen=True, slots=True)
class JudgeContent:
    """Reads the opening only, by a range. `accept_any` keeps content of every type."""

    store: PartStore
    sniffer: Sniffer
    accept_any: bool = False

    async def __call__(self, upload: Upload) -> Format | Refusal:
        """What content, declared type, extension and kind agree on; raises Unavailable."""
        sniffed = self.sniffer.formats(await self.store.opening(upload.key, OPENING))
        return judged(upload, sniffed, accept_any=self.accept_any)
