"""Uploads a file with a public tus client that is interrupted half-way and comes back."""

from collections.abc import Callable
from dataclasses import dataclass

from tusclient.client import TusClient
from tusclient.uploader.uploader import Uploader

from devstack.demo.api import DemoApi
from devstack.demo.files import DemoFile

_CHUNK = 2 * 2**20
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Where the upload stood when it was cut, and where the server said it stood afterwards."""

    upload_id: str
    cut_at: int
    resumed_at: int


def upload_interrupted(api: DemoApi, file: DemoFile, progress: Progress) -> Uploaded:
    """The second client knows nothing but the address: the offset comes from the server."""
    with file.path.open("rb") as stream:
        first = _client(api).uploader(
            file_stream=stream, chunk_size=_CHUNK, metadata=_metadata(file)
        )
        _send(first, file.size // 2, progress)
    with file.path.open("rb") as stream:
        second = _client(api).uploader(file_stream=stream, chunk_size=_CHUNK, url=first.url)
        resumed_at = second.offset
        _send(second, file.size, progress)
    return Uploaded(str(first.url).rstrip("/").rpartition("/")[2], first.offset, resumed_at)


def _send(uploader: Uploader, until: int, progress: Progress) -> None:
    uploader.stop_at = until
    while uploader.offset < until:
        uploader.upload_chunk()
        progress(uploader.offset)


def _client(api: DemoApi) -> TusClient:
    return TusClient(f"{api.origin}/files/", headers=api.headers)


def _metadata(file: DemoFile) -> dict[str, str]:
    return {"filename": file.path.name, "filetype": file.content_type, "kind": file.kind}
