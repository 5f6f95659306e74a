"""The gateway has no folder of its own: no path to leave, no file to clean up."""

import resource
from pathlib import Path

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import running

pytestmark = pytest.mark.integration


def written(pid: int) -> int:
    """Bytes that a process gave to file systems so far; sockets are none."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def open_files(pid: int) -> list[str]:
    """Regular files and folders a process holds open."""
    folder = Path(f"/proc/{pid}/fd")
    links = [str(descriptor.readlink()) for descriptor in folder.iterdir()]
    return [link for link in links if link.startswith("/") and not link.startswith("/dev/")]


def test_uploads_of_all_sorts_succeed_where_no_byte_can_be_written_to_a_file(
    places: Places,
) -> None:
    with running(places, Path("/dev/null")) as gateway, gateway.client() as client:
        # from here on a write to any file fails, in whatever folder
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0, 0))
        before = written(gateway.pid)
        body = tus.flac(11 * MIB, "no files")
        assert tus.ended(client, tus.upload(client, body))["state"] == "stored"
        path = tus.create(client, len(body) + 1)
        for at in range(0, len(body), MIB):
            assert tus.patch(client, path, at, body[at : at + MIB]).status_code == 204
        assert open_files(gateway.pid) == []
        assert client.delete(path).status_code == 204
        checked = tus.BODY | {
            "Upload-Offset": "0",
            "Upload-Checksum": "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        }
        path = tus.create(client, len(body))
        assert client.patch(path, headers=checked, content=body).status_code == 460
        assert httpx.get(f"{gateway.url}/readyz").status_code == 200
        assert written(gateway.pid) == before
