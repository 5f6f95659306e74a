"""What clients are told before they begin, against what then holds."""

import asyncio

import httpx
import pytest
from gateway_support import forms
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway

pytestmark = pytest.mark.integration


def test_an_admin_is_told_all_kinds_and_a_user_what_users_may_send(gateway: RealGateway) -> None:
    with (
        gateway.client() as admin,
        gateway.client(gateway.places.token("f@example.org", "user")) as user,
    ):
        told = admin.get("/api/v1/uploads/config").json()
        kinds = {kind["kind"]: kind for kind in told["kinds"]}
        assert set(kinds) == {"audio", "image", "video", "avatar"}
        assert kinds["audio"]["max_size"] == 4096 * MIB
        assert kinds["avatar"]["max_size"] == 10 * MIB
        assert kinds["avatar"]["extensions"] == ["jfif", "jpe", "jpeg", "jpg", "png", "webp"]
        assert "audio/flac" in kinds["audio"]["content_types"]
        seen = user.get("/api/v1/uploads/config").json()
    assert {kind["kind"] for kind in seen["kinds"]} == {"image", "video", "avatar"}
    assert (seen["form"], seen["accept_any"]) == (None, False)
    assert told["form"] == {"path": forms.PATH, "max_files": 100}
    assert seen["limits"]["concurrent_uploads"] == 1000
    assert seen["limits"]["stored_bytes"] is None
    assert seen["limits"]["requests_per_minute"] is None


def test_chunks_are_whole_parts_that_pass_everywhere(client: httpx.Client) -> None:
    told = client.get("/api/v1/uploads/config").json()
    assert told["part_size"] == 5 * MIB
    assert told["chunk_size"] % told["part_size"] == 0
    assert told["chunk_size"] <= told["max_chunk_size"] <= 95_000_000
    assert told["expiry_seconds"] == 86_400


def test_config_and_options_name_the_same_extensions_and_algorithms(client: httpx.Client) -> None:
    told = client.get("/api/v1/uploads/config").json()["tus"]
    offered = client.options(told["path"]).headers
    assert offered["tus-extension"].split(",") == told["extensions"]
    assert offered["tus-checksum-algorithm"].split(",") == told["checksum_algorithms"]


def test_only_who_is_logged_in_is_told(gateway: RealGateway) -> None:
    with gateway.client("") as nobody:
        assert nobody.get("/api/v1/uploads/config").status_code == 401


def test_what_was_found_of_another_store_offers_nothing_here(
    places: Places, client: httpx.Client
) -> None:
    keep = """
    INSERT INTO store_capability
        (endpoint, public_endpoint, bucket, name, works, detail, probed_at)
    SELECT $1, $2, $3, unnest($4::text[]), true, '', now()
    """
    lines = ["presigned_put", "digested_put", "presigned_parts", "short_body_refused"]
    here, elsewhere = places.s3.endpoint, "http://elsewhere"
    for endpoint, public in ((elsewhere, elsewhere), (elsewhere, here), (here, elsewhere)):
        asyncio.run(places.rows(keep, endpoint, public, places.s3.bucket, lines))
    told = client.get("/api/v1/uploads/config").json()["presigned"]
    assert (told["put"], told["parts"], told["part_digest_needed"]) == (False, False, True)
