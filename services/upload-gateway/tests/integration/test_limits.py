"""Limits hold for all processes together, so each of these has two."""

import asyncio
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running

from common.ids import new_object_id

pytestmark = pytest.mark.integration
Pair = tuple[RealGateway, RealGateway]
Clients = tuple[httpx.Client, httpx.Client]
IMAGE = tus.metadata(filename="a.jpg", filetype="image/jpeg")
BURST, LEASE = 120, 3
LIMITS = {
    "MAX_CONCURRENT_UPLOADS": "3",
    "REPRISE_UPLOAD_MAX_OPEN": "8",
    "REPRISE_UPLOAD_MAX_OPEN_BYTES": str(100 * MIB),
    "REPRISE_UPLOAD_SLOT_LEASE": str(LEASE),
    "REPRISE_UPLOAD_REQUESTS_PER_MINUTE": str(BURST),
    "REPRISE_UPLOAD_QUOTA": str(150 * MIB),
}


@pytest.fixture(scope="module")
def pair(
    places: Places, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RealGateway, RealGateway]]:
    logs = tmp_path_factory.mktemp("pair")
    with (
        running(places, logs / "one", **LIMITS) as one,
        running(places, logs / "two", **LIMITS) as two,
    ):
        yield one, two


@pytest.fixture
def person(places: Places) -> str:
    """The token of somebody who has not uploaded yet."""
    return places.token(f"{new_object_id()}@example.org", "user")


@pytest.fixture
def clients(pair: Pair, person: str) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """That person's, one for each process."""
    with pair[0].client(person) as one, pair[1].client(person) as two:
        yield one, two


def ask(client: httpx.Client, size: int | None = 10) -> httpx.Response:
    length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
    return client.post("/files/", headers=length | {"Upload-Metadata": IMAGE})


def path_of(answer: httpx.Response) -> str:
    assert answer.status_code == 201, answer.text
    return httpx.URL(answer.headers["location"]).path


@pytest.mark.req("UPL-04")
def test_of_many_at_once_on_two_processes_exactly_as_many_as_allowed_are_admitted(
    clients: Clients,
) -> None:
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda number: ask(clients[number % 2]), range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 9
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) > 0
    said = refused.json()
    assert (said["code"], said["limit"], said["allowed"]) == (
        "too_many_uploads",
        "concurrent_uploads_per_user",
        3,
    )


@pytest.mark.req("UPL-04")
@pytest.mark.parametrize("end", ["success", "abort", "disconnect"])
def test_a_slot_is_free_at_once_when_its_upload_ends(
    pair: Pair, clients: Clients, person: str, end: str
) -> None:
    one, two = clients
    path, *_ = [path_of(ask(one)) for _ in range(3)]
    assert ask(two).status_code == 429
    if end == "success":
        assert tus.patch(one, path, 0, bytes(10)).status_code == 204
    elif end == "abort":
        assert one.delete(path).status_code == 204
    else:
        begun_and_left(pair[0], path, person)
    assert ask(two).status_code == 201
    assert ask(two).status_code == 429


@pytest.mark.req("UPL-04")
def test_a_crash_frees_the_slots_after_a_lease_and_an_upload_at_work_keeps_its_own(
    places: Places, pair: Pair, clients: Clients, person: str
) -> None:
    (one, doomed), (client, dying) = pair, clients
    kept, *_, dead = [path_of(ask(owner)) for owner in (client, dying, dying)]
    with tus.RawPatch(one, kept, 0, 10, token=person):
        try:
            doomed.kill()
            assert ask(client).status_code == 429
            eventually(lambda: not held(places, dead), patience=LEASE + 5)
            # both slots of the dead one are free by now; the third is waiting for its bytes
            assert [ask(client).status_code for _ in range(3)] == [201, 201, 429]
        finally:
            doomed.start()


@pytest.mark.req("UPL-05")
def test_declared_bytes_over_the_total_are_refused_before_a_byte_is_read(
    pair: Pair,
    clients: Clients,
    person: str,
) -> None:
    one, two = clients
    path_of(ask(one, 60 * MIB))
    head = {
        "Upload-Length": str(41 * MIB),
        "Upload-Metadata": IMAGE,
        "Content-Length": str(41 * MIB),
        **tus.BODY,
    }
    refused = tus.raw_post(pair[1], head, token=person)
    assert refused.startswith("HTTP/1.1 413"), refused
    assert '"limit":"open_bytes_per_user"' in refused
    assert '"code":"bytes_in_flight_exceeded"' in refused
    assert "\r\nretry-after: 60\r\n" in refused.lower()
    assert ask(two, 40 * MIB).status_code == 201


@pytest.mark.req("UPL-05")
def test_an_upload_of_unknown_length_is_cut_at_the_limit(clients: Clients, places: Places) -> None:
    one, two = clients
    path_of(ask(one, 94 * MIB))
    path = path_of(ask(two, None))
    cut = tus.patch(two, path, 0, iter([bytes(MIB)] * 12))
    assert (cut.status_code, cut.json()["code"]) == (413, "bytes_in_flight_exceeded")
    assert tus.offset(one, path) == 5 * MIB
    assert one.delete(path).status_code == 204
    eventually(lambda: not asyncio.run(places.multiparts(f"u/{asset_of(places, path)}/")))
    assert asyncio.run(places.objects(f"staging/{tus.id_of(path)}/")) == {}


def asset_of(places: Places, path: str) -> str:
    query = "SELECT asset_id FROM upload WHERE id = $1"
    return str(asyncio.run(places.rows(query, tus.id_of(path)))[0]["asset_id"])


def test_what_is_kept_counts_for_the_quota_until_it_is_purged(
    clients: Clients, places: Places
) -> None:
    one, _ = clients
    path = path_of(ask(one, 60 * MIB))
    keep = "UPDATE upload SET state = 'stored', size = length, sha256 = '', etag = '' WHERE id = $1"
    asyncio.run(places.rows(keep, tus.id_of(path)))
    path = path_of(ask(one, 80 * MIB))
    refused = ask(one, 11 * MIB)
    assert (refused.status_code, refused.json()["code"]) == (413, "quota_exceeded")
    assert refused.json()["limit"] == "stored_bytes_per_user"
    one.delete(path)
    assert ask(one, 85 * MIB).status_code == 201


@pytest.mark.req("UPL-07")
def test_a_burst_on_two_processes_gets_the_tokens_of_one_bucket(clients: Clients) -> None:
    """Those that the bucket lets through may meet another limit behind it."""
    path = path_of(ask(clients[0]))
    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: ask(clients[number % 2]), range(2 * BURST)))
    flowed = math.ceil((time.monotonic() - began) * BURST / 60)
    limited = [a for a in answers if a.status_code == 429 and a.json()["code"] == "rate_limited"]
    assert BURST - 1 <= len(answers) - len(limited) <= BURST + flowed
    assert limited[0].json()["limit"] == "requests_per_minute"
    assert limited[0].headers["retry-after"] == "1"
    # what runs goes on: neither questions nor bytes are ever counted
    assert {clients[0].head(path).status_code for _ in range(30)} == {200}
    assert tus.patch(clients[1], path, 0, bytes(10)).status_code == 204
    eventually(lambda: ask(clients[0]).status_code == 201)


def test_a_flood_leaves_no_more_open_uploads_than_allowed(
    pair: Pair, clients: Clients, person: str
) -> None:
    """Each is left at once, so that its slot is free for the next."""
    for _ in range(int(LIMITS["REPRISE_UPLOAD_MAX_OPEN"])):
        begun_and_left(pair[0], path_of(ask(clients[0])), person)
    refused = ask(clients[1])
    assert (refused.status_code, refused.json()["limit"]) == (429, "open_uploads_per_user")


def test_what_is_open_and_what_was_refused_is_measured(pair: Pair, clients: Clients) -> None:
    for _ in range(3):
        path_of(ask(clients[0]))
    ask(clients[0])
    assert measured(pair[0], 'refused_uploads_total{limit="concurrent_uploads_per_user"}') >= 1
    eventually(lambda: measured(pair[0], "open_uploads") >= 3)
    assert measured(pair[0], "open_bytes") >= 30


def begun_and_left(gateway: RealGateway, path: str, person: str) -> None:
    """A client that vanishes within the body; when this returns the gateway knows."""
    before = measured(gateway, "received_bytes_total")
    with tus.RawPatch(gateway, path, 0, 10, token=person) as raw:
        raw.send(b"abc")
        eventually(lambda: measured(gateway, "received_bytes_total") >= before + 3)
    eventually(lambda: not held(gateway.places, path))


def held(places: Places, path: str) -> bool:
    query = "SELECT FROM upload_lease WHERE upload_id = $1 AND until > clock_timestamp()"
    return bool(asyncio.run(places.rows(query, tus.id_of(path))))


def measured(gateway: RealGateway, name: str) -> float:
    lines = httpx.get(f"{gateway.url}/metrics", timeout=10).text.splitlines()
    found = [line for line in lines if line.startswith(f"media_upload_gateway_{name} ")]
    return float(found[0].split()[1]) if found else 0.0
