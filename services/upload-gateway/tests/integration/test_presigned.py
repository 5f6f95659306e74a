"""Sign-upload, the bytes to the store, commit, on the real store, by a plain client."""

import asyncio
from typing import Any

import httpx
import pytest
from gateway_support import presigned, tus
from gateway_support.places import MIB, Places
from gateway_support.presigned import commit, ended, follow, send, sha256, signed
from gateway_support.real_gateway import RealGateway, eventually

from common.clock import SystemClock
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.tokens import KeyRing, Receipts

pytestmark = pytest.mark.integration


def body(seed: str, size: int = 300_000) -> bytes:
    return tus.flac(size, seed)


def objects(places: Places, upload: dict[str, Any]) -> dict[str, int]:
    return asyncio.run(places.objects(upload["key"]))


def multiparts(places: Places, upload: dict[str, Any]) -> list[str]:
    return asyncio.run(places.multiparts(upload["key"]))


def state(places: Places, upload: dict[str, Any]) -> dict[str, Any]:
    query = "SELECT * FROM upload WHERE id = $1"
    (row,) = asyncio.run(places.rows(query, upload["upload_id"]))
    return row


@pytest.mark.req("UPL-01")
def test_a_plain_client_walks_all_three_steps_with_what_it_was_answered(
    sender: httpx.Client, signing: RealGateway
) -> None:
    content = body("three steps")
    upload = signed(sender, content)
    assert upload["mode"] == upload["method"].lower() == "put"
    assert upload["headers"]["Content-Length"] == str(len(content))
    assert send(upload, content).status_code == 200
    answer = commit(sender, upload)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] in {"verifying", "stored"}
    done = ended(sender, upload)
    assert (done["state"], done["sha256"], done["size"]) == (
        "stored",
        sha256(content),
        len(content),
    )
    assert asyncio.run(signing.places.content(upload["key"])) == content
    for name in ("token", "X-Amz-Signature"):
        assert name not in signing.log()
    assert upload["upload_id"] not in signing.log()


def test_a_large_file_goes_in_parts_and_a_reload_sends_only_what_is_missing(
    sender: httpx.Client,
) -> None:
    content = body("in parts", 12 * MIB)
    upload = signed(sender, content, mode="multipart")
    assert (upload["parts"]["count"], upload["url"]) == (3, None)
    assert upload["parts"]["digest_needed"], "this store pads a part that was cut"
    assert follow(sender, upload["status"]).json()["parts"] == []
    presigned.send_parts(sender, upload, content, 1, 3)
    told = follow(sender, upload["status"]).json()
    assert told["parts"] == [{"number": 1, "size": 5 * MIB}, {"number": 3, "size": 2 * MIB}]
    early = commit(sender, upload)
    assert (early.status_code, early.json()["missing"]) == (409, [2])
    assert early.json()["code"] == "parts_missing"
    presigned.send_parts(sender, upload, content, 2)
    assert commit(sender, upload).status_code == 200
    assert ended(sender, upload)["sha256"] == sha256(content)


def test_the_sha256_of_a_multipart_may_be_said_at_its_commit_and_holds_from_then(
    sender: httpx.Client,
) -> None:
    content = body("said late", 6 * MIB)
    upload = signed(sender, content, mode="multipart", sha256=None)
    presigned.send_all(sender, upload, content)
    assert commit(sender, upload, sha256=sha256(b"another file")).status_code == 200
    assert (ended(sender, upload)["state"], ended(sender, upload)["reason"]) == (
        "rejected",
        "checksum_mismatch",
    )
    again = commit(sender, upload, sha256=sha256(b"another file"))
    assert (again.status_code, again.json()["code"]) == (422, "checksum_mismatch")


@pytest.mark.req("CAT-11")
def test_what_is_missing_or_truncated_is_not_committed_and_stays_open(
    sender: httpx.Client, signing: RealGateway
) -> None:
    content = body("missing")
    upload = signed(sender, content)
    missing = commit(sender, upload)
    assert (missing.status_code, missing.json()["code"]) == (409, "object_missing")
    _put_by_hand(signing.places, upload["key"], content[:-1], "audio/flac")
    short = commit(sender, upload)
    assert (short.status_code, short.json()["code"]) == (409, "object_size_mismatch")
    assert (short.json()["expected"], short.json()["found"]) == (len(content), len(content) - 1)
    _put_by_hand(signing.places, upload["key"], content, "text/html")
    other = commit(sender, upload)
    assert (other.status_code, other.json()["code"]) == (409, "object_type_mismatch")
    assert state(signing.places, upload)["state"] == "created"
    _put_by_hand(signing.places, upload["key"], content, "audio/flac")
    assert commit(sender, upload).status_code == 200
    assert ended(sender, upload)["state"] == "stored"


def test_bytes_that_belie_their_digest_are_rejected_before_anybody_sees_them(
    sender: httpx.Client, signing: RealGateway
) -> None:
    content = body("belied")
    upload = signed(sender, content)
    _put_by_hand(signing.places, upload["key"], body("forged"), "audio/flac")
    assert commit(sender, upload).status_code == 200
    done = ended(sender, upload)
    assert (done["state"], done["reason"]) == ("rejected", "checksum_mismatch")
    assert done["receipt"] is None
    eventually(lambda: objects(signing.places, upload) == {})
    again = commit(sender, upload)
    assert (again.status_code, again.json()["code"]) == (422, "checksum_mismatch")


def test_a_commit_is_answered_the_same_again_and_another_one_is_refused(
    sender: httpx.Client,
) -> None:
    content = body("again")
    upload = signed(sender, content, parent="post/17")
    send(upload, content)
    told = {"size": len(content), "sha256": sha256(content), "parent": "post/17"}
    first = commit(sender, upload, **told).json()
    done = ended(sender, upload)
    second = commit(sender, upload, **told)
    moving = {
        "state",
        "receipt",
        "stored_at",
        "sha256",
        "size",
        "content_type",
        "offset",
        "bytes",
        "timeline",
    }
    assert second.status_code == 200
    assert {k: v for k, v in second.json().items() if k not in moving} == {
        k: v for k, v in first.items() if k not in moving
    }
    assert done["state"] == second.json()["state"] == "stored"
    for field, value in {"size": 1, "sha256": sha256(b""), "parent": "post/18"}.items():
        other = commit(sender, upload, **{field: value})
        assert (other.status_code, other.json()["code"]) == (409, "commit_mismatch")
        assert other.json()["field"] == field


def test_the_parent_comes_back_in_the_signed_receipt(
    sender: httpx.Client, signing: RealGateway
) -> None:
    content = body("parent")
    upload = signed(sender, content, parent="post/0190-a")
    send(upload, content)
    commit(sender, upload)
    done = ended(sender, upload)
    ring = KeyRing.parse(signing.places.env["REPRISE_RECEIPT_SECRET"])
    receipt = Receipts(ring).verify(done["receipt"], now=SystemClock().now())
    assert (
        (receipt.parent, receipt.key)
        == (done["parent"], upload["key"])
        == (
            "post/0190-a",
            done["key"],
        )
    )


@pytest.mark.req("UPL-21")
def test_no_key_is_written_twice(sender: httpx.Client, signing: RealGateway) -> None:
    content = body("twice")
    upload = signed(sender, content)
    assert [send(upload, content).status_code for _ in range(2)] == [200, 412]
    pieces = body("twice in parts", 6 * MIB)
    several = signed(sender, pieces, mode="multipart")
    assert several["key"] != upload["key"]
    assert objects(signing.places, several) == {}
    presigned.send_all(sender, several, pieces)
    answers = [commit(sender, several).status_code for _ in range(3)]
    assert answers == [200, 200, 200]
    late = follow(sender, several["parts"], parts=[{"number": 1, "sha256": sha256(b"")}])
    assert (late.status_code, late.json()["code"]) == (409, "already_committed")
    assert asyncio.run(signing.places.content(several["key"])) == pieces


@pytest.mark.req("UPL-20")
def test_two_uploads_of_one_name_have_two_keys_and_no_name_in_them(sender: httpx.Client) -> None:
    content = body("names")
    keys = {signed(sender, content, file_name="My Set.flac")["key"] for _ in range(2)}
    assert len(keys) == 2
    assert not any("set" in key.lower() for key in keys)


@pytest.mark.req("UPL-06")
@pytest.mark.parametrize("extra", [b"x", b"x" * 300_000], ids=["a byte", "as much again"])
def test_a_body_that_is_larger_than_signed_is_refused_and_nothing_remains(
    sender: httpx.Client, signing: RealGateway, extra: bytes
) -> None:
    content = body("bigger")
    upload = signed(sender, content)
    longer = content + extra
    assert 400 <= _refused(upload, longer, **{"Content-Length": str(len(longer))}) < 500
    # the length that was signed, and another body of it
    assert 400 <= _refused(upload, longer[len(extra) :]) < 500
    assert objects(signing.places, upload) == {}
    assert follow(sender, upload["abort"]).status_code == 204
    assert objects(signing.places, upload) == {}
    assert multiparts(signing.places, upload) == []


@pytest.mark.req("UPL-06")
def test_a_file_over_the_limit_of_its_kind_gets_no_url(sender: httpx.Client) -> None:
    answer = sender.post(
        "/api/v1/media/sign-upload",
        json={
            "kind": "avatar",
            "size": 11 * MIB,
            "sha256": sha256(b""),
            "content_type": "image/png",
        },
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "over_limit")


@pytest.mark.req("SEC-02")
@pytest.mark.parametrize("kind", ["audio", "image", "video", "avatar"])
def test_a_type_outside_the_kind_is_415_at_sign_upload_and_again_at_commit(
    sender: httpx.Client, signing: RealGateway, kind: str
) -> None:
    page = f"<!doctype html><title>{kind}</title>".encode() * 20
    declared = {"kind": kind, "file_name": None, "sha256": sha256(page)}
    refused = presigned.ask(sender, page, **declared, content_type="text/html")
    assert (refused.status_code, refused.json()["code"]) == (415, "type_not_allowed")
    # who lies at first is found out by the bytes
    upload = signed(sender, page, **declared, content_type=None)
    assert send(upload, page).status_code == 200
    for _ in range(2):
        answer = commit(sender, upload)
        assert answer.status_code == 415
        assert answer.json()["code"] in {"unrecognized_content", "content_not_allowed"}
    assert state(signing.places, upload)["state"] == "rejected"
    assert objects(signing.places, upload) == {}


def test_what_ends_uncommitted_leaves_no_object_and_no_multipart_while_others_go_on(
    sender: httpx.Client, signing: RealGateway
) -> None:
    small, large = body("left"), body("left in parts", 11 * MIB)
    put, parts, live = (
        signed(sender, small),
        signed(sender, large, mode="multipart"),
        signed(sender, large, mode="multipart"),
    )
    send(put, small)
    for upload in (parts, live):
        presigned.send_parts(sender, upload, large, 1)
    assert multiparts(signing.places, parts) == [parts["key"]]
    for upload in (put, parts):
        assert follow(sender, upload["abort"]).status_code == 204
    eventually(lambda: objects(signing.places, put) == {})
    eventually(lambda: multiparts(signing.places, parts) == [])
    assert multiparts(signing.places, live) == [live["key"]]
    presigned.send_parts(sender, live, large, 2, 3)
    assert commit(sender, live).status_code == 200
    assert commit(sender, put).status_code == 410


@pytest.mark.req("JAN-07")
def test_expired_ones_are_released_too_also_a_multipart_whose_id_was_never_stored(
    sender: httpx.Client, signing: RealGateway
) -> None:
    small, large = body("expires"), body("expires in parts", 11 * MIB)
    put, parts, unknown, live = (
        signed(sender, small),
        signed(sender, large, mode="multipart"),
        signed(sender, large, mode="multipart"),
        signed(sender, large, mode="multipart"),
    )
    send(put, small)
    for upload in (parts, unknown, live):
        presigned.send_parts(sender, upload, large, 1)
    places = signing.places
    ours = "UPDATE upload SET multipart_id = NULL WHERE id = $1"
    asyncio.run(places.rows(ours, unknown["upload_id"]))
    past = "UPDATE upload SET expires_at = now() WHERE id = ANY($1::uuid[])"
    ending = [upload["upload_id"] for upload in (put, parts, unknown)]
    asyncio.run(places.rows(past, ending))
    eventually(lambda: objects(places, put) == {} and state(places, put)["state"] == "expired")
    eventually(lambda: multiparts(places, parts) == multiparts(places, unknown) == [])
    assert multiparts(places, live) == [live["key"]], "a live one is never touched"
    assert follow(sender, live["abort"]).status_code == 204
    eventually(lambda: multiparts(places, live) == [])


def test_an_object_that_was_put_after_the_end_is_found_once_its_url_has_ended(
    sender: httpx.Client, signing: RealGateway
) -> None:
    content, places = body("late"), signing.places
    upload = signed(sender, content)
    assert follow(sender, upload["abort"]).status_code == 204
    eventually(lambda: state(places, upload)["clear_at"] is not None)
    assert send(upload, content).status_code == 200, "no URL can be taken back"
    told = state(places, upload)
    assert (told["cleared"], told["clear_at"]) == (False, told["signed_until"])
    assert objects(places, upload), "it is looked for when nothing more can come"
    ended_now = "UPDATE upload SET signed_until = now(), clear_at = now() WHERE id = $1"
    asyncio.run(places.rows(ended_now, upload["upload_id"]))
    eventually(lambda: state(places, upload)["cleared"])
    assert objects(places, upload) == {}


def test_another_ones_upload_does_not_exist(sender: httpx.Client, signing: RealGateway) -> None:
    content = body("mine")
    upload = signed(sender, content)
    send(upload, content)
    other = signing.places.token("somebody.else@example.org")
    with httpx.Client(base_url=signing.url, headers={"Authorization": f"Bearer {other}"}) as client:
        for answer in (
            commit(client, upload),
            client.post(
                "/api/v1/media/parts",
                json={"upload_id": upload["upload_id"], "parts": [{"number": 1}]},
            ),
            follow(client, upload["status"]),
            follow(client, upload["abort"]),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "upload_not_found")
    with httpx.Client(base_url=signing.url) as nobody:
        assert commit(nobody, upload).status_code == 401
    assert commit(sender, upload).status_code == 200


def test_who_is_no_admin_any_more_ends_no_audio(sender: httpx.Client, signing: RealGateway) -> None:
    content = body("demoted")
    upload = signed(sender, content)
    send(upload, content)
    demoted = signing.places.token(role="user")
    with httpx.Client(
        base_url=signing.url, headers={"Authorization": f"Bearer {demoted}"}
    ) as client:
        answer = commit(client, upload)
    assert (answer.status_code, answer.json()["code"]) == (403, "kind_forbidden")


def test_such_an_upload_has_no_address_for_bytes_and_one_by_tus_no_commit(
    sender: httpx.Client, signing: RealGateway
) -> None:
    upload = signed(sender, body("two ways"))
    with signing.client() as client:
        path = f"/files/{upload['upload_id']}"
        assert client.head(path).status_code == 404
        assert tus.patch(client, path, 0, b"x").status_code == 404
        by_tus = tus.create(client, 5)
        answer = client.post("/api/v1/media/commit", json={"upload_id": str(tus.id_of(by_tus))})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_presigned")


def test_the_config_says_what_is_offered(sender: httpx.Client) -> None:
    told = sender.get("/api/v1/uploads/config").json()["presigned"]
    assert told == {
        "put": True,
        "parts": True,
        "part_digest_needed": True,
        "path": "/api/v1/media/sign-upload",
        "max_put_size": 4096 * MIB,
        "parts_per_call": 32,
        "url_seconds": 900,
    }


def _refused(upload: dict[str, Any], content: bytes, **headers: str) -> int:
    """The store's answer; some cut the connection before the rest of the body."""
    try:
        return send(upload, content, **headers).status_code
    except httpx.TransportError:
        return 499


def _put_by_hand(places: Places, key: str, content: bytes, content_type: str) -> None:
    """As a store would have it that took what it should not."""

    async def put() -> None:
        async with open_s3(places.s3) as client:
            store = ObjectStore(client, places.s3.bucket)
            await store.put(key, content, content_type=content_type, if_absent=False)

    asyncio.run(put())
