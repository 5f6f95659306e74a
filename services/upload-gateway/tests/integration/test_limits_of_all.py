"""What all people together may have open, on two processes with a ledger of their own."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from gateway_support import forms, presigned, tus
from gateway_support.forked_gateways import forks
from gateway_support.places import MIB, make_places
from gateway_support.real_gateway import RealGateway

from devstack.stack import Stack

pytestmark = pytest.mark.integration
Pair = tuple[RealGateway, RealGateway]
IMAGE = tus.metadata(filename="a.jpg", filetype="image/jpeg")
PEOPLE, MOVING = 8, 4
LIMITS = {
    "MAX_UPLOAD_SIZE_TOTAL": str(100 * MIB),
    "REPRISE_UPLOAD_MAX_CONCURRENT_TOTAL": str(MOVING),
}


@pytest.fixture(scope="module")
def pair(infra: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    places, logs = make_places(infra.env), tmp_path_factory.mktemp("pair")
    presigned.suppose(places, presigned.TELLING)
    with forks() as spawn:
        one, two = (RealGateway(places, logs / name, spawn, **LIMITS) for name in ("one", "two"))
        try:
            one.start()
            two.start()
            yield one, two
        finally:
            one.kill()
            two.kill()


@pytest.fixture
def clients(pair: Pair) -> Iterator[list[httpx.Client]]:
    """One for each admin, by turns at both processes; what they leave open is ended."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(pair[number % 2].client(token(pair, number)))
            for number in range(PEOPLE)
        ]
        yield opened
        for client in opened:
            for item in client.get("/api/v1/uploads").json()["items"]:
                client.delete(f"/api/v1/uploads/{item['upload_id']}")


def token(pair: Pair, number: int) -> str:
    return pair[0].places.token(f"{number}@example.org")


def ask(client: httpx.Client, size: int | None) -> httpx.Response:
    length = {"Upload-Defer-Length": "1"} if size is None else {"Upload-Length": str(size)}
    return client.post("/files/", headers=length | {"Upload-Metadata": IMAGE})


@pytest.mark.req("UPL-05")
def test_declared_bytes_of_several_people_over_the_total_are_refused_before_a_byte_is_read(
    pair: Pair, clients: list[httpx.Client]
) -> None:
    first, _, third, fourth, *_ = clients
    assert ask(first, 60 * MIB).status_code == 201
    size = str(41 * MIB)
    head = {"Upload-Length": size, "Upload-Metadata": IMAGE, "Content-Length": size, **tus.BODY}
    refused = tus.raw_post(pair[1], head, token=token(pair, 1))
    assert refused.startswith("HTTP/1.1 413"), refused
    assert '"code":"bytes_in_flight_exceeded"' in refused
    assert '"limit":"open_bytes_total"' in refused
    assert "\r\nretry-after: 60\r\n" in refused.lower()
    unknown = ask(third, None)
    assert ask(fourth, 35 * MIB).status_code == 201
    path = httpx.URL(unknown.headers["location"]).path
    cut = tus.patch(third, path, 0, iter([bytes(MIB)] * 12))
    assert (cut.status_code, cut.json()["limit"]) == (413, "open_bytes_total")
    assert tus.offset(fourth, path) == 5 * MIB


def test_of_many_people_at_once_as_many_as_allowed_are_admitted(
    clients: list[httpx.Client],
) -> None:
    with ThreadPoolExecutor(PEOPLE) as threads:
        answers = list(threads.map(lambda client: ask(client, 10), clients))
    assert sorted(a.status_code for a in answers) == [201] * MOVING + [429] * (PEOPLE - MOVING)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.json()["limit"] for answer in refused} == {"concurrent_uploads_total"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


def test_the_three_ways_in_meet_the_same_limit(clients: list[httpx.Client]) -> None:
    by_tus, by_url, by_form, *_ = clients
    for number in range(MOVING // 2):
        assert ask(by_tus, 10).status_code == 201
        presigned.signed(by_url, tus.flac(1000, f"one of {number}"))
    limit = "concurrent_uploads_total"
    for refused in (ask(by_tus, 10), presigned.ask(by_url, tus.flac(1000, "one too many"))):
        assert (refused.status_code, refused.json()["limit"]) == (429, limit)
    answer = forms.send(by_form, *(forms.file(f"{n}.png", forms.png(f"{n}")) for n in range(2)))
    assert forms.codes(answer) == ["too_many_uploads"] * 2
    assert {file["problem"]["limit"] for file in answer.json()["files"]} == {limit}
