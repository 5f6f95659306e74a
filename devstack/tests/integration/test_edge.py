"""The real nginx with the generated routes: who answers what, and what it says itself."""

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from common.testing.ports import free_port
from devstack.container_place import ContainerPlace
from devstack.nginx_blocks import shown_scheme
from devstack.nginx_config import render_container
from devstack.stack import Stack

pytestmark = pytest.mark.integration


def _client(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.env["REPRISE_URL"], timeout=10)


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/files/", "upload-gateway"),
        ("/files/0198a", "upload-gateway"),
        ("/api/v1/uploads", "upload-gateway"),
        ("/api/v1/uploads/0198a", "upload-gateway"),
        ("/api/v1/media/sign-upload", "upload-gateway"),
        ("/api/v1/media/parts", "upload-gateway"),
        ("/api/v1/media/commit", "upload-gateway"),
        ("/api/v1/admin/images/upload", "upload-gateway"),
        ("/api/v1/admin/images/7", "catalog"),
        ("/api/v1/admin/assets", "catalog"),
        ("/api/v1/user/assets/7", "catalog"),
        ("/api/v1/user/music-sets/7", "catalog"),
        ("/api/v1/user/music-sets/7/stream/1", "delivery"),
        ("/api/v1/user/music-sets/7/download/1", "delivery"),
        ("/api/v1/user/media/7/url", "delivery"),
        ("/api/v1/media/url?key=k", "delivery"),
        ("/api/v1/media/refresh", "delivery"),
        ("/m/u/7/original-1.flac?t=v1", "delivery"),
        ("/robots.txt", "delivery"),
    ],
)
def test_a_path_reaches_its_service_unchanged(running: Stack, path: str, service: str) -> None:
    with _client(running) as client:
        answer = client.get(path)
    assert (answer.json()["service"], answer.json()["path"]) == (service, path)


@pytest.mark.parametrize(
    "path",
    [
        "/", "/livez", "/readyz", "/health", "/metrics", "/info", "/api/v1/ops/objects", "/m",
        "/files", "/api/v1/uploadsies", "/files/..%2flivez", "/m/%2e%2e/metrics", "/docs",
    ],
)  # fmt: skip
def test_an_unrouted_path_is_the_edges_own_problem(running: Stack, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", running.port("nginx"), timeout=10)
    connection.request("GET", path)  # as it is: a client library would tidy the path
    answer = connection.getresponse()
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.read())["code"] == "not_found"
    connection.close()


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"TRACE /m/x HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"POST /files/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /m/x HTTP/7.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /m/x HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ],
)
def test_what_the_edge_itself_refuses_is_a_problem_too(
    running: Stack, request_text: bytes, status: int
) -> None:
    head, _, body = _raw(running, request_text).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head
    assert b"Cache-Control: no-store" in head
    assert json.loads(body)["status"] == status


def test_a_service_that_is_down_is_a_problem_with_a_time_to_come_back(running: Stack) -> None:
    running.kill("upload-gateway")
    try:
        with _client(running) as client:
            answer = client.get("/files/7")
    finally:
        running.start_process("upload-gateway")
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] == "unavailable"


def test_a_service_that_dies_in_mid_body_is_a_problem_at_once(running: Stack) -> None:
    try:
        with _client(running) as client:
            answer = client.patch("/files/7", content=b"x" * 200_000)
    finally:
        dead = running.supervised("upload-gateway")
        assert _eventually(lambda: dead.running() is None)
        running.start_process("upload-gateway")
    assert (answer.status_code, answer.json()["status"]) == (502, 502)


def test_a_header_of_31_kb_passes_and_one_of_70_kb_is_a_problem(running: Stack) -> None:
    with _client(running) as client:
        assert client.get("/files/", headers={"upload-metadata": "a" * 31_000}).status_code == 200
        refused = client.get("/files/", headers={"upload-metadata": "a" * 70_000})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_log_holds_no_token_and_no_upload_address(running: Stack) -> None:
    with _client(running) as client:
        client.get("/files/secret-upload-id?x=1")
        client.get("/api/v1/uploads/secret-upload-id")
        client.get("/m/u/7/a.flac?t=secret-token", headers={"referer": "/m/x?t=secret-token"})
        running.kill("delivery")
        client.get("/m/u/7/b.flac?t=secret-token")
        running.start_process("delivery")
    logs = "".join(path.read_text() for path in (running.home / "log").glob("nginx*.log"))
    assert '"path":"/m/u/7/a.flac"' in logs
    assert '"path":"/files/-"' in logs
    assert '"path":"/api/v1/uploads/-"' in logs
    assert "secret" not in logs


def test_nginx_accepts_the_configuration_for_containers(running: Stack, tmp_path: Path) -> None:
    table = running.topology
    config = tmp_path / "nginx.conf"
    text = render_container(table, ContainerPlace(table)).replace("/tmp/", f"{tmp_path}/")
    config.write_text(text)
    tools = running.supervised("nginx").site.tools
    command = [tools.nginx(), "-t", "-p", str(tmp_path), "-c", str(config), "-e", "stderr"]
    subprocess.run(tools.as_plain_user(command), check=True, capture_output=True, timeout=20)


@pytest.mark.parametrize(
    ("trusted", "shown"), [((), "http"), (("192.0.2.0/24",), "http"), (("127.0.0.0/8",), "https")]
)
def test_only_a_trusted_proxy_says_which_scheme_clients_see(
    running: Stack, tmp_path: Path, trusted: tuple[str, ...], shown: str
) -> None:
    port = free_port()
    block = shown_scheme(replace(running.topology, trusted_proxies=trusted))
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off;\npid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n"
        + "\n".join(
            f"{kind}_temp_path {tmp_path}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        + f"\n{block}\nserver {{ listen 127.0.0.1:{port}; return 200 $shown_scheme; }}\n}}\n"
    )
    tools = running.supervised("nginx").site.tools
    command = [tools.nginx(), "-p", str(tmp_path), "-c", str(config), "-e", "stderr"]
    started = subprocess.Popen(tools.as_plain_user(command))
    try:
        url = f"http://127.0.0.1:{port}/"
        assert _eventually(lambda: _answers(url))
        for said, expected in (("https", shown), ("gopher", "http"), ("", "http")):
            answer = httpx.get(url, headers={"X-Forwarded-Proto": said}, timeout=5)
            assert answer.text == expected
    finally:
        started.terminate()
        started.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def _raw(stack: Stack, request: bytes) -> bytes:
    """The whole answer to bytes that no client library would send."""
    with socket.create_connection(("127.0.0.1", stack.port("nginx")), timeout=10) as line:
        line.sendall(request)
        answer = b""
        while not answer.endswith(b"}"):  # a refused request may end in a reset after its answer
            piece = line.recv(65_536)
            if not piece:
                break
            answer += piece
        return answer


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    return holds()
