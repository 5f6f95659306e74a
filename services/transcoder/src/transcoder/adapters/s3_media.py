"""Originals in, renditions out; the only part of a worker that holds keys to the store."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from common.errors import NotFound
from common.ids import ObjectKey
from common.s3 import files
from common.s3.objects import ObjectStore
from transcoder.domain.errors import SourceLost
from transcoder.domain.processing import SourceObject
from transcoder.ports import StoredOutput


@dataclass(frozen=True, slots=True)
class S3Media:
    """Both ports on one bucket."""

    objects: ObjectStore

    async def fetch(self, source: SourceObject, into: Path) -> None:
        """The store is not trusted to notice cut or padded bytes (design rule 7).

        The digest decides.
        """
        try:
            size = await files.download(self.objects, source.key, into)
        except NotFound as error:
            raise SourceLost("the original is not in the store") from error
        if size != source.size or await asyncio.to_thread(_sha256, into) != source.sha256:
            raise SourceLost("the original is not what was registered", code="source_changed")

    async def store(self, file: Path, key: ObjectKey, content_type: str) -> StoredOutput:
        stored = await files.upload(self.objects, file, key, content_type)
        return StoredOutput(size=stored.size, sha256=stored.sha256, etag=stored.etag)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
