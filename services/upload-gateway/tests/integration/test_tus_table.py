"""The contract as a table (protocols.md 1.2 and 1.8): each request with its answer."""

from dataclasses import dataclass, field

import httpx
import pytest
from gateway_support import tus
from gateway_support.real_gateway import RealGateway

pytestmark = pytest.mark.integration

NEW = {"Upload-Length": "9", "Upload-Metadata": tus.AUDIO}
AT = tus.BODY | {"Upload-Offset": "4"}
SHA1_OF_ABC = "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="


@dataclass(frozen=True)
class Line:
    """A request on an upload of 9 bytes that holds 4, and what must be said to it."""

    method: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    path: str = "{upload}"
    said: dict[str, str] = field(default_factory=dict)
    silent: tuple[str, ...] = ()
    offset: int | None = 4


UNKNOWN = "/files/6ad14d6b-6cf9-4a85-8b70-9b81d9ad1d20"
TABLE = [
    Line("OPTIONS", 200, said={"tus-version": "1.0.0"}),
    Line("OPTIONS", 200, {"Tus-Resumable": "9.9.9"}, said={"tus-version": "1.0.0"}, path="/files/"),
    *(
        Line(method, 412, {"Tus-Resumable": "0.2.2"}, said={"tus-version": "1.0.0"})
        for method in ("HEAD", "PATCH", "DELETE")
    ),
    Line(
        "POST", 412, NEW | {"Tus-Resumable": "2.0"}, path="/files/", said={"tus-version": "1.0.0"}
    ),
    Line("POST", 201, NEW, path="/files/", said={"upload-offset": "0", "tus-resumable": "1.0.0"}),
    Line("POST", 201, {"Upload-Length": "9"}, path="/files/"),
    Line("POST", 201, {"Upload-Length": "0"}, path="/files/"),
    Line("POST", 201, {"Upload-Defer-Length": "1"}, path="/files/"),
    Line("POST", 201, NEW | tus.BODY, b"abc", path="/files/", said={"upload-offset": "3"}),
    Line("POST", 400, path="/files/", silent=("location",)),
    Line("POST", 400, NEW | {"Upload-Defer-Length": "1"}, path="/files/"),
    Line("POST", 400, {"Upload-Defer-Length": "2"}, path="/files/"),
    Line("POST", 400, {"Upload-Length": "9", "Upload-Metadata": "a *"}, path="/files/"),
    Line("POST", 413, {"Upload-Length": str(2**62)}, path="/files/"),
    Line("POST", 413, NEW | tus.BODY, b"0123456789", path="/files/"),
    Line("POST", 415, NEW | {"Content-Type": "text/plain"}, b"abc", path="/files/"),
    Line("POST", 415, NEW | {"Upload-Metadata": tus.metadata(type="text/html")}, path="/files/"),
    Line("POST", 460, NEW | tus.BODY | {"Upload-Checksum": SHA1_OF_ABC}, b"abd", path="/files/"),
    Line(
        "HEAD", 200, said={"upload-offset": "4", "upload-length": "9", "cache-control": "no-store"}
    ),
    Line("HEAD", 404, path=UNKNOWN, silent=("upload-offset",)),
    Line("HEAD", 404, path="/files/x", silent=("upload-offset",)),
    Line("PATCH", 404, AT, b"x", path=UNKNOWN, silent=("upload-offset",)),
    Line("DELETE", 404, path=UNKNOWN, silent=("upload-offset",)),
    Line("PATCH", 204, AT, b"abc", said={"upload-offset": "7"}, offset=7),
    Line("PATCH", 204, AT, said={"upload-offset": "4"}),
    Line("PATCH", 415, AT | {"Content-Type": "application/octet-stream"}, b"abc"),
    Line("PATCH", 415, {"Upload-Offset": "4"}, b"abc"),
    Line("PATCH", 400, tus.BODY, b"abc"),
    Line("PATCH", 400, tus.BODY | {"Upload-Offset": "-4"}, b"abc"),
    Line("PATCH", 400, tus.BODY | {"Upload-Offset": "4.0"}, b"abc"),
    Line("PATCH", 409, tus.BODY | {"Upload-Offset": "3"}, b"abc", said={"upload-offset": "4"}),
    Line("PATCH", 409, tus.BODY | {"Upload-Offset": "5"}, b"abc", said={"upload-offset": "4"}),
    Line("PATCH", 413, AT, b"sixsix"),
    Line("PATCH", 400, AT | {"Upload-Length": "8"}, b"abc"),
    Line("PATCH", 204, AT | {"Upload-Checksum": SHA1_OF_ABC}, b"abc", offset=7),
    Line("PATCH", 460, AT | {"Upload-Checksum": SHA1_OF_ABC}, b"abd"),
    Line("PATCH", 400, AT | {"Upload-Checksum": "md5 kAFQmDzST7DWlj99KOF/cg=="}, b"abc"),
    Line("PUT", 405, AT, b"abc"),
    Line("DELETE", 204, offset=None),
]


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line.method}-{line.status}")
def test_each_request_gets_its_answer(client: httpx.Client, line: Line) -> None:
    path = tus.create(client, 9)
    assert tus.patch(client, path, 0, b"fLaC").status_code == 204
    target = line.path.replace("{upload}", path)
    answer = client.request(line.method, target, headers=line.headers, content=line.body or None)
    assert answer.status_code == line.status, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    for name, value in line.said.items():
        assert answer.headers[name] == value
    for name in line.silent:
        assert name not in answer.headers
    if answer.status_code >= 400 and line.method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
    if answer.status_code == 201:
        assert answer.headers["location"].startswith("http://")
    if line.offset is None:
        for method in ("HEAD", "PATCH", "DELETE"):
            gone = client.request(method, path, headers=AT)
            assert (gone.status_code, gone.headers.get("upload-offset")) == (410, None)
    else:
        assert tus.offset(client, path) == line.offset


def test_nothing_but_options_and_head_works_without_a_login(gateway: RealGateway) -> None:
    with gateway.client() as owner:
        path = tus.create(owner, 9)
    with gateway.client("") as nobody:
        for method, status in {"OPTIONS": 200, "HEAD": 200, "PATCH": 401, "DELETE": 401}.items():
            answer = nobody.request(method, path, headers=tus.BODY | {"Upload-Offset": "0"})
            assert answer.status_code == status
        assert nobody.post("/files/", headers=NEW).status_code == 401
