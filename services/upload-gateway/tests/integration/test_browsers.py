"""What a browser needs to upload from another origin, and what it must not be given."""

from collections.abc import Iterator

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import Places
from gateway_support.real_gateway import RealGateway, running

pytestmark = pytest.mark.integration

GOOD, EVIL = "https://app.example.org", "https://app.example.org.evil.test"
PREFLIGHT = {
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization,tus-resumable,upload-offset,content-type",
}
PATHS = ["/files/", "/files/x", "/api/v1/uploads", "/api/v1/uploads/x", "/api/v1/media/commit"]


@pytest.fixture(scope="module")
def shared(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    log = tmp_path_factory.mktemp("shared") / "log"
    origins = f"{GOOD},http://localhost:5173"
    with running(places, log, REPRISE_WEB_ORIGINS=origins) as started:
        yield started


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [GOOD, "http://localhost:5173"])
def test_an_allowed_origin_may_send_what_uploads_need(
    shared: RealGateway, path: str, origin: str
) -> None:
    answer = httpx.options(f"{shared.url}{path}", headers=PREFLIGHT | {"Origin": origin})
    assert answer.is_success
    said = answer.headers
    assert said["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in said
    assert {"PATCH", "HEAD", "DELETE"} <= set(said["access-control-allow-methods"].split(", "))
    asked = set(PREFLIGHT["Access-Control-Request-Headers"].split(","))
    assert asked <= set(said["access-control-allow-headers"].lower().split(", "))
    assert int(said["access-control-max-age"]) >= 3600
    assert "origin" in said["vary"].lower()
    assert path.startswith("/api") or said["tus-version"] == "1.0.0"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [EVIL, "null", "http://app.example.org", ""])
def test_any_other_origin_is_given_nothing(shared: RealGateway, path: str, origin: str) -> None:
    for headers in (PREFLIGHT | {"Origin": origin}, {"Origin": origin}):
        answer = httpx.options(f"{shared.url}{path}", headers=headers)
        assert not any(name.startswith("access-control-") for name in answer.headers)
        assert "origin" in answer.headers["vary"].lower()


def test_without_a_setting_no_origin_is_let_in(gateway: RealGateway) -> None:
    answer = httpx.options(f"{gateway.url}/files/", headers=PREFLIGHT | {"Origin": GOOD})
    assert answer.status_code == 200
    assert not any(name.startswith("access-control-") for name in answer.headers)


def test_a_page_can_read_every_header_that_its_client_goes_by(shared: RealGateway) -> None:
    with shared.client() as client:
        client.headers["Origin"] = GOOD
        made = client.post("/files/", headers={"Upload-Length": "5", "Upload-Metadata": tus.AUDIO})
        path = httpx.URL(made.headers["location"]).path
        refused = tus.patch(client, path, 3, b"x")
        outdated = client.head(path, headers={"Tus-Resumable": "0.1"})
        for answer in (made, client.head(path), refused, outdated):
            assert answer.headers["access-control-allow-origin"] == GOOD
            exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
            for name in answer.headers:
                if name.startswith(("upload-", "tus-")) or name in {"location", "retry-after"}:
                    assert name in exposed
    assert (refused.status_code, outdated.status_code) == (409, 412)


def test_a_post_may_stand_for_a_patch_or_a_delete_and_for_nothing_else(
    client: httpx.Client,
) -> None:
    path = tus.create(client, 5)
    patched = client.post(
        path,
        headers=tus.BODY | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"},
        content=b"abc",
    )
    assert (patched.status_code, patched.headers["upload-offset"]) == (204, "3")
    for named in ("HEAD", "GET", "PUT", "nonsense"):
        assert client.post(path, headers={"X-HTTP-Method-Override": named}).status_code == 405
    # on any other method the header is air
    assert client.head(path, headers={"X-HTTP-Method-Override": "DELETE"}).status_code == 200
    assert client.post(path, headers={"X-HTTP-Method-Override": "delete"}).status_code == 204
    assert client.head(path).status_code == 410
