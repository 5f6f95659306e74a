"""The system as foreign clients meet it: its edge behind a proxy, and pages of another origin."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.clients.foreign import STALL
from tests.clients.programs import node_folder
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
    """The origin of an application: a page with Uppy, and one with nothing."""
    folder = DEV / "clients" / "page"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(
        '<!doctype html><input type="file"><script type="module" src="uppy_page.js"></script>'
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
def system(pages: str) -> Iterator[Stack]:
    """What uploads need, with little patience for clients that stand still."""
    impatient = {"REPRISE_UPLOAD_STALL": str(STALL), "REPRISE_WEB_ORIGINS": pages}
    with stack_for_tests(overrides={"upload-gateway": impatient}) as stack:
        stack.start(NEEDED)
        yield stack


@pytest.fixture
def way(system: Stack) -> Iterator[TcpProxy]:
    with TcpProxy(LOOPBACK, system.port("nginx")) as proxy:
        yield proxy


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "client.log"
