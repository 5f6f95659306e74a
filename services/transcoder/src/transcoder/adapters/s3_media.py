"""Originals in, renditions out; the only part of a worker that holds keys to the store."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from common.errors import NotFound
from common.ids import ObjectKey
from common.s3.model import StoredPut
from transcoder.domain.errors import SourceLost
from transcoder.domain.processing import SourceObject
from transcoder.ports import StoredOutput


class Objects(Protocol):
    """The two calls of `common.s3.objects.ObjectStore` that are used here."""

    async def download(self, key: str, path: Path) -> int: ...

    async def upload_file(self, path: Path, key: str, content_type: str) -> StoredPut: ...


@dataclass(frozen=True, slots=True)
class S3Media:
    """Both ports on one bucket."""

    objects: Objects

    async def fetch(self, source: SourceObject, into: Path) -> None:
        """The store is not trusted to notice cut or padded bytes (design rule 7).

        The digest decides.
        """
        try:
            size = await self.objects.download(source.key, into)
        except NotFound as error:
            raise SourceLost("the original is not in the store") from error
        if size != source.size or await asyncio.to_thread(_sha256, into) != source.sha256:
            raise SourceLost("the original is not what was registered", code="source_changed")

    async def store(self, file: Path, key: ObjectKey, content_type: str) -> StoredOutput:
        stored = await self.objects.upload_file(file, key, content_type)
        return StoredOutput(size=stored.size, sha256=stored.sha256, etag=stored.etag)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
