"""Keys are the server's: what a client says of one is ours letter by letter, or refused."""

import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from gateway_support import presigned, tus
from gateway_support.presigned import commit, follow, send, signed
from gateway_support.real_gateway import RealGateway
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.integration
OURS = re.compile(r"u/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/original-[0-9a-f]{16}\.flac")
UGLY = [
    "..", "../", "/..", "%2e%2e", "%2e%2e/", "%2F", "\x00", "%00", "\u202e", "\ufeff", "．．", "é",
    "e\u0301", "//", "/", "\\", " ", "\n", "?x=1", "#", ";", "", "~", "A", "\U0001f4a9",
]  # fmt: skip


def bent(key: str, other: str) -> st.SearchStrategy[str]:
    """Keys that resemble the right one, or another person's, and keys of any kind."""
    prefix, _, name = key.rpartition("/")
    places = st.integers(0, len(key))
    with_ugly = st.builds(
        lambda at, ugly: key[:at] + ugly + key[at:], places, st.sampled_from(UGLY)
    )
    without = st.builds(lambda at: key[:at] + key[at + 1 :], st.integers(0, len(key) - 1))
    whole = st.sampled_from(
        [
            other,
            f"{other.rpartition('/')[0]}/{name}",
            f"{prefix}/../{other.split('/', 1)[1]}",
            quote(key, safe=""),
            key.upper(),
            f"/{key}",
            f"{key}/",
            "",
            "u/",
            "staging/",
        ]
    )
    wrong = with_ugly | without | whole | st.text(max_size=200)
    return wrong.filter(lambda text: text != key)


@pytest.fixture(scope="module")
def theirs(signing: RealGateway) -> dict[str, Any]:
    """Somebody else's upload."""
    token = signing.places.token("victim@example.org")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=signing.url, headers=headers) as client:
        return signed(client, tus.flac(1000, "somebody else's"))


@pytest.fixture(scope="module")
def mine(signing: RealGateway) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {signing.places.token()}"}
    content = tus.flac(1000, "my own, under attack")
    with httpx.Client(base_url=signing.url, headers=headers) as client:
        upload = signed(client, content)
    assert send(upload, content).status_code == 200
    return upload


@pytest.mark.req("UPL-24")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_commit_or_a_part_with_any_other_key_is_refused(
    sender: httpx.Client, mine: dict[str, Any], theirs: dict[str, Any], data: st.DataObject
) -> None:
    key = data.draw(bent(mine["key"], theirs["key"]))
    body = {"upload_id": mine["upload_id"], "key": key}
    for path, more in (("commit", {}), ("parts", {"parts": [{"number": 1}]})):
        answer = sender.post(f"/api/v1/media/{path}", json=body | more)
        assert (answer.status_code, answer.json()["code"]) == (409, "key_mismatch")


@pytest.mark.req("UPL-24")
def test_afterwards_the_upload_under_attack_is_as_it_was(
    sender: httpx.Client, mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    assert OURS.fullmatch(mine["key"])
    assert OURS.fullmatch(theirs["key"])
    assert follow(sender, mine["status"]).json()["state"] == "created"
    stolen = sender.post(
        "/api/v1/media/commit", json={"upload_id": theirs["upload_id"], "key": mine["key"]}
    )
    assert (stolen.status_code, stolen.json()["code"]) == (404, "upload_not_found")
    assert commit(sender, mine).status_code == 200
    assert presigned.ended(sender, mine)["state"] == "stored"


@pytest.mark.req("UPL-24")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.text(max_size=300) | st.sampled_from(UGLY).map(lambda ugly: f"{ugly}/a{ugly}.flac"),
    extension=st.text(max_size=12) | st.sampled_from(["flac", "../x", "%2e", "FLAC", "flac/.."]),
)
def test_whatever_a_file_is_called_its_key_is_ours(
    sender: httpx.Client, name: str, extension: str
) -> None:
    told = {"size": 10, "sha256": "0" * 64, "file_name": f"{name}.{extension}", "kind": "audio"}
    answer = sender.post("/api/v1/media/sign-upload", json=told)
    assert answer.status_code in {200, 422}, answer.text
    if answer.status_code == 200:
        key = answer.json()["key"]
        assert re.fullmatch(r"u/[0-9a-f-]{36}/original-[0-9a-f]{16}\.[a-z0-9]{1,8}", key)
        assert follow(sender, answer.json()["abort"]).status_code == 204


@pytest.mark.parametrize(
    "told",
    [
        {"parent": "a\x00b"},
        {"parent": "../x y"},
        {"content_type": "audio/flac\x00"},
        {"content_type": "audio/flac; a=\u00e9"},
        {"metadata": {"k": "\x00"}},
        {"sha256": "zz"},
        {"size": 0},
        {"size": 2**60},
        {"mode": "post"},
        {"key": "u/x"},
    ],
    ids=str,
)
def test_what_no_row_could_hold_is_no_server_error(
    sender: httpx.Client, told: dict[str, Any]
) -> None:
    answer = presigned.ask(sender, tus.flac(100), **told)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
