"""What a person hears of their uploads, while they run, on whichever process they listen."""

import asyncio
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from gateway_support import tus
from gateway_support.events import Reader, listening
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running

from devstack.faults.tcp_proxy import TcpProxy

pytestmark = pytest.mark.integration

LIVELY = {"REPRISE_UPLOAD_STREAM_HEARTBEAT": "0.3", "REPRISE_UPLOAD_STREAMS_PER_USER": "3"}
SWEEPING = LIVELY | {"REPRISE_UPLOAD_SWEEP_INTERVAL": "0.2"}
BODY = tus.flac(16 * MIB, "told")


@pytest.fixture(scope="module")
def here(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    with running(places, tmp_path_factory.mktemp("here") / "log", **LIVELY) as started:
        yield started


@pytest.fixture(scope="module")
def there(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealGateway]:
    with running(places, tmp_path_factory.mktemp("there") / "log", **SWEEPING) as started:
        yield started


def states(reader: Reader, upload_id: UUID) -> list[str]:
    return [
        said.data["state"]
        for said in reader.seen
        if said.name == "upload" and said.data["upload_id"] == str(upload_id)
    ]


def progress(reader: Reader, upload_id: UUID) -> list[tuple[float, int]]:
    """When what was said of the bytes of one upload."""
    told = []
    for said in reader.seen:
        about = said.data.get("uploads", []) if said.name == "progress" else [said.data]
        told += [
            (said.at, one["bytes"])
            for one in about
            if one.get("upload_id") == str(upload_id) and one.get("bytes") is not None
        ]
    return told


@pytest.mark.req("UPL-14")
def test_an_upload_at_one_process_is_told_at_another_each_second_and_to_its_end(
    here: RealGateway, there: RealGateway, places: Places
) -> None:
    token = places.token("watcher@example.org")
    with listening(there, token) as reader, here.client(token) as client:
        assert (reader.status, reader.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        assert reader.headers["x-accel-buffering"] == "no"
        assert reader.named("snapshot").data == {"missed": False, "more": False, "uploads": []}
        path = tus.create(client, len(BODY))
        polled = [tus.status(client, path)["bytes"]]
        with tus.RawPatch(here, path, 0, len(BODY), token) as raw:
            for start in range(0, len(BODY), 2 * MIB):
                reader.until(lambda said: said.name == "progress")
                polled.append(tus.status(client, path)["bytes"])
                raw.send(BODY[start : start + 2 * MIB])
            assert raw.answer().startswith("HTTP/1.1 204")
        upload_id = tus.id_of(path)
        end = reader.named("upload", upload_id=str(upload_id), state="stored")
        assert (end.data["bytes"], end.data["total"]) == (len(BODY), len(BODY))
        told = progress(reader, upload_id)
        moments = [at for at, _ in told]
        assert moments[-1] - moments[0] > 2
        assert max(b - a for a, b in pairwise(moments)) <= 1
        assert [size for _, size in told] == sorted(size for _, size in told)
        assert len({size for _, size in told}) > 2
        assert polled == sorted(polled)
        assert polled[-1] > polled[0]
        assert states(reader, upload_id) == ["created", "receiving", "verifying", "stored"]


@pytest.mark.req("UPL-14")
def test_whoever_comes_back_hears_all_that_changed_meanwhile_at_any_process(
    here: RealGateway, there: RealGateway, places: Places
) -> None:
    token = places.token("traveller@example.org")
    with here.client(token) as client:
        with listening(there, token) as reader:
            first = tus.upload(client, BODY[: MIB + 1])
            left_at = reader.named("upload", upload_id=str(tus.id_of(first))).number
        tus.ended(client, first)
        second = tus.create(client, 100)
        assert client.delete(second).status_code == 204
        for gateway in (here, there):
            with listening(gateway, token, left_at) as again:
                again.named("upload", upload_id=str(tus.id_of(second)), state="aborted")
                assert again.seen[0].name != "snapshot"
                assert states(again, tus.id_of(first))[-1] == "stored"
                assert states(again, tus.id_of(second)) == ["created", "aborted"]
                numbers = [int(said.number) for said in again.seen if said.number]
                first_new = int(left_at or 0) + 1
                assert numbers == list(range(first_new, first_new + len(numbers)))


@pytest.mark.parametrize("number", ["999999", "-1", "nonsense", "9" * 40])
def test_a_number_that_was_never_given_begins_with_all_that_is_unfinished(
    here: RealGateway, places: Places, number: str
) -> None:
    token = places.token("restored@example.org")
    with here.client(token) as client:
        path = tus.create(client, 1000)
        tus.patch(client, path, 0, BODY[:400])
        with listening(here, token, number) as reader:
            data = reader.named("snapshot").data
            assert (data["missed"], data["more"]) == (True, False)
            found = {one["upload_id"]: one for one in data["uploads"]}[str(tus.id_of(path))]
            assert (found["state"], found["bytes"], found["total"]) == ("receiving", 400, 1000)


def test_entries_that_were_dropped_are_made_up_for_by_a_snapshot(
    there: RealGateway, places: Places
) -> None:
    token = places.token("late@example.org")
    user_id = places.user_id("late@example.org")
    age = "UPDATE upload_event SET kept_at = kept_at - interval '31 days' WHERE user_id = $1"
    count = "SELECT count(*) FROM upload_event WHERE user_id = $1"
    with there.client(token) as client:
        path = tus.create(client, 1000)
        tus.patch(client, path, 0, BODY[:400])
    asyncio.run(places.rows(age, user_id))
    eventually(lambda: asyncio.run(places.rows(count, user_id))[0]["count"] == 0)
    with listening(there, token, "1") as reader:
        assert reader.named("snapshot").data["missed"] is True
        last = reader.last
    with listening(there, token, last) as reader:
        assert reader.until(lambda said: True).name != "snapshot"


def test_nobody_hears_of_another_ones_uploads(here: RealGateway, places: Places) -> None:
    token, stranger = places.token("one@example.org"), places.token("other@example.org")
    with (
        listening(here, stranger) as reader,
        here.client(token) as client,
        here.client(stranger) as own,
    ):
        reader.named("snapshot")
        path = tus.upload(client, BODY[: MIB + 2])
        tus.ended(client, path)
        mine = tus.create(own, 10)
        reader.named("upload", upload_id=str(tus.id_of(mine)), state="created")
        assert str(tus.id_of(path)) not in str(reader.seen)
        assert own.get(f"/api/v1/uploads/{tus.id_of(path)}").status_code == 404


def test_one_person_has_a_bounded_number_of_streams_and_gets_a_place_back(
    here: RealGateway, places: Places
) -> None:
    token = places.token("tabs@example.org")
    asked = {"Authorization": f"Bearer {token}"}
    url = f"{here.url}/api/v1/uploads/events"
    with listening(here, token), listening(here, token):
        with listening(here, token):
            answer = httpx.get(url, headers=asked)
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_streams")
            assert answer.headers["retry-after"] == "5"
        eventually(lambda: opened(url, asked) == 200)
    assert httpx.get(url).status_code == 401


def test_a_stream_outlasts_an_outage_of_the_database_and_goes_on_where_it_stood(
    here: RealGateway, places: Places, log: Path
) -> None:
    token = places.token("patient@example.org")
    url = urlsplit(places.env["REPRISE_POSTGRES_URL"])
    with TcpProxy(url.hostname or "", url.port or 0) as proxy:
        through = url._replace(netloc=f"{url.username}:{url.password}@{proxy.address}").geturl()
        own = LIVELY | {"REPRISE_POSTGRES_URL": through}
        with running(places, log, **own) as gateway, listening(gateway, token) as reader:
            reader.named("snapshot")
            proxy.refuse()
            for _ in range(3):
                reader.until(lambda said: said.name == "")
            asked = {"Authorization": f"Bearer {token}"}
            answer = httpx.get(f"{gateway.url}/api/v1/uploads/events", headers=asked)
            assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
            with here.client(token) as client:
                missed = tus.create(client, 10)
            proxy.pass_through()
            reader.named("upload", upload_id=str(tus.id_of(missed)), state="created")


def test_a_stop_ends_streams_at_once_and_keeps_nobody_waiting(
    there: RealGateway, places: Places
) -> None:
    with listening(there, places.token()) as reader:
        reader.named("snapshot")
        began = time.monotonic()
        assert there.terminate() == 0
        assert reader.ended() - began < 5
        assert time.monotonic() - began < 15  # the drain alone would last longer
    there.start()


def opened(url: str, headers: dict[str, str]) -> int:
    with httpx.stream("GET", url, headers=headers) as answer:
        return answer.status_code
