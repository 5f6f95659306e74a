"""The system as foreign clients meet it: its edge behind a proxy, and pages of another origin."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from zlib import crc32

import pytest
from tests.clients.foreign import MIB, STALL, Journey, sound_file
from tests.clients.programs import node_folder, program
from tests.clients.signed_parts import SIZE
from tests.clients.store import found_by_doctor
from typing_extensions import override

from devstack.bootstrap import DEV
from devstack.faults.tcp_proxy import TcpProxy
from devstack.local_place import LOOPBACK
from devstack.stack import Stack
from devstack.stack_for_tests import stack_for_tests

NEEDED = ["kafka", "postgres", "s3", "setup", "upload-gateway", "nginx"]


class _Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="session")
def node() -> str:
    return node_folder()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """An origin of its own for the pages of a folder."""
    server = ThreadingHTTPServer((LOOPBACK, 0), partial(_Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://{LOOPBACK}:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def pages() -> Iterator[str]:
    """The origin of an application: pages with Uppy, by both ways, and one with nothing."""
    folder = DEV / "clients" / "page"
    folder.mkdir(parents=True, exist_ok=True)
    for page, script in (("index.html", "uppy_page.js"), ("past.html", "uppy_past_page.js")):
        (folder / page).write_text(
            f'<!doctype html><input type="file"><script type="module" src="{script}"></script>'
        )
    (folder / "bare.html").write_text("<!doctype html><title>bare</title>")
    with served(folder) as origin:
        yield origin


@pytest.fixture(scope="session")
def foreign_pages(pages: str) -> Iterator[str]:
    """The same pages at an origin that nobody allowed."""
    with served(DEV / "clients" / "page") as origin:
        yield origin


@pytest.fixture(scope="session")
def store_way() -> Iterator[TcpProxy]:
    """How browsers reach the store, which is what URLs are signed for."""
    with TcpProxy(LOOPBACK, 0) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def system(pages: str, store_way: TcpProxy) -> Iterator[Stack]:
    """What uploads need, with little patience for clients that stand still."""
    gateway = {
        "REPRISE_UPLOAD_STALL": str(STALL),
        "REPRISE_WEB_ORIGINS": pages,
        "REPRISE_S3_PUBLIC_ENDPOINT": f"http://{store_way.address}",
    }
    with stack_for_tests(overrides={"upload-gateway": gateway}) as stack:
        store_way.target_port = stack.port("s3")
        stack.start(NEEDED)
        yield stack


@pytest.fixture(scope="session")
def examined(system: Stack, pages: str, store_way: TcpProxy) -> dict[str, bool]:
    public = f"http://{store_way.address}"
    return found_by_doctor(system, pages, REPRISE_S3_PUBLIC_ENDPOINT=public)


@pytest.fixture
def way(system: Stack) -> Iterator[TcpProxy]:
    with TcpProxy(LOOPBACK, system.port("nginx")) as proxy:
        yield proxy


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "client.log"


@pytest.fixture
def journey(
    system: Stack,
    examined: dict[str, bool],
    store_way: TcpProxy,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Journey:
    """Through the proxy before the store; the number of bytes tells one upload from others."""
    assert examined["digested_parts"]
    assert not examined["short_body_refused"]  # so each part is signed with its digest
    assert examined["cors"]
    store_way.pass_through()
    name = request.node.name
    size = SIZE + crc32(name.encode()) % MIB
    return Journey(system, store_way, sound_file(tmp_path, name, size))


@pytest.fixture
def command(system: Stack, pages: str, node: str, journey: Journey) -> Sequence[str]:
    """A browser at the page that is set up for it, with the file of the journey."""
    browser = program("chromium", "chromium")
    script = [program("node", "nodejs"), f"{node}/send_uppy.mjs", browser, f"{pages}/past.html"]
    return [*script, system.env["REPRISE_URL"], str(journey.path), journey.token]
