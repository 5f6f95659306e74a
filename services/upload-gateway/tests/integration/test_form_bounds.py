"""The form under clients that are slow, endless or cut off by a stop, and what it may cost."""

import asyncio
import hashlib
import json
import resource
import signal
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import httpx
import pytest
from gateway_support import forms, tus
from gateway_support.forms import png
from gateway_support.places import MIB, Places
from gateway_support.real_gateway import RealGateway, eventually, running
from gateway_support.weight import peak, written_files

pytestmark = pytest.mark.integration
STALL, WINDOW = 1.0, 1.5  # seconds


@pytest.fixture(scope="module")
def strict(
    places: Places, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RealGateway, httpx.Client]]:
    bounds = {
        "REPRISE_UPLOAD_STALL": str(STALL),
        "REPRISE_UPLOAD_RATE_WINDOW": str(WINDOW),
        "REPRISE_UPLOAD_MIN_RATE": "20000",
        "REPRISE_UPLOAD_FORM_FILES": "3",
        "REPRISE_UPLOAD_MAX_IMAGE_SIZE": str(7 * MIB),
    }
    log = tmp_path_factory.mktemp("strict") / "log"
    with running(places, log, **bounds) as gateway, gateway.client() as client:
        yield gateway, client


@pytest.mark.req("UPL-19")
def test_a_file_too_many_ends_the_form_and_those_before_it_stay(
    strict: tuple[RealGateway, httpx.Client],
) -> None:
    gateway, client = strict
    before = gateway.measured('refused_uploads_total{limit="files_per_form"}')
    answer = forms.send(client, *(forms.file(f"{n}.png", png(f"many{n}")) for n in range(4)))
    assert gateway.measured('refused_uploads_total{limit="files_per_form"}') == before + 1
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_files")
    assert answer.json()["allowed"] == 3
    assert forms.codes(answer) == [None] * 3
    for file in answer.json()["files"]:
        assert tus.ended(client, f"/files/{file['upload_id']}")["state"] == "stored"


@pytest.mark.req("UPL-06")
def test_a_file_over_its_limit_is_cut_there_and_the_next_one_is_taken(
    strict: tuple[RealGateway, httpx.Client],
) -> None:
    gateway, client = strict
    before = gateway.measured('refused_uploads_total{limit="file_size"}')
    exact = png("exactly", 7 * MIB)
    answer = forms.send(
        client,
        forms.file("over.png", png("over", 7 * MIB + 1)),
        forms.file("far-over.png", png("far over", 30 * MIB)),
        forms.file("exact.png", exact),
    )
    assert forms.codes(answer) == ["over_limit", "over_limit", None]
    assert answer.json()["files"][0]["problem"]["allowed"] == 7 * MIB
    assert gateway.measured('refused_uploads_total{limit="file_size"}') == before + 2
    status = tus.ended(client, f"/files/{answer.json()['files'][2]['upload_id']}")
    assert (status["state"], status["sha256"]) == ("stored", hashlib.sha256(exact).hexdigest())


@pytest.mark.parametrize("inside", [True, False], ids=["within a file", "between files"])
def test_a_client_that_stalls_is_cut_and_told_what_was_taken(
    strict: tuple[RealGateway, httpx.Client], inside: bool
) -> None:
    gateway, client = strict
    with forms.RawForm(gateway) as form:
        form.send(forms.file("a.png", png(f"before a stall {inside}")) + forms.head("b.png"))
        if inside:
            form.send(png("stalled", 6 * MIB))
        answer = form.answer()
    assert "503" in answer.splitlines()[0]
    assert "retry-after" in answer.lower()
    said = json.loads(answer.partition("\r\n\r\n")[2])
    assert said["code"] == "stalled"
    assert [f["state"] for f in said["files"]] == ["verifying", *(["aborted"] if inside else [])]
    assert tus.ended(client, f"/files/{said['files'][0]['upload_id']}")["state"] == "stored"


def test_a_trickle_is_cut_however_many_parts_it_is_spread_over(
    strict: tuple[RealGateway, httpx.Client],
) -> None:
    gateway, _ = strict
    began = time.monotonic()
    with forms.RawForm(gateway) as form:
        form.send(forms.head("slow.png"))
        while not form.answered(STALL / 8) and time.monotonic() - began < 20 * WINDOW:
            form.send(b"1")
        assert "503" in form.answer().splitlines()[0]
    assert WINDOW <= time.monotonic() - began < 20 * WINDOW


def test_a_stop_ends_the_form_with_what_was_taken_before(places: Places, log: Path) -> None:
    """Within a file, or between two: there nothing of the gateway's own writes."""
    with (
        running(places, log) as gateway,
        forms.RawForm(gateway) as within,
        forms.RawForm(gateway) as between,
    ):
        within.send(forms.file("a.png", png("before a stop")) + forms.head("stopped.png"))
        within.send(png("stopped", 6 * MIB))
        # a file is known to be over by what divides it from the next
        between.send(forms.file("taken.png", png("alone before a stop")) + forms.END[:-4] + b"\r\n")
        eventually(lambda: arrived(places))
        gateway.tell(signal.SIGTERM)
        for form, states in ((within, ["verifying", "aborted"]), (between, ["verifying"])):
            answer = form.answer()
            assert "503" in answer.splitlines()[0]
            said = json.loads(answer.partition("\r\n\r\n")[2])
            assert said["code"] == "stopping"
            assert [file["state"] for file in said["files"]] == states
        assert gateway.died() == 0


def arrived(places: Places) -> bool:
    """The one file has a part, the other one all of its bytes."""
    query = "SELECT FROM upload WHERE file_name = $1 AND "
    part = asyncio.run(places.rows(f'{query} "offset" > 0', "stopped.png"))
    return bool(part and asyncio.run(places.rows(f"{query} sha256 IS NOT NULL", "taken.png")))


def sent_within_bounds(places: Places, count: int, size: int, seed: str) -> int:
    """So many files of this size in one form, where no byte can be written to any file.

    Returns by how many bytes of memory the gateway grew at most.
    """
    with running(places, Path("/dev/null")) as gateway, gateway.client() as client:
        client.timeout = httpx.Timeout(3600)
        # the first form pays for what is loaded once
        assert forms.codes(forms.send(client, forms.file("a.png", png(f"{seed} first")))) == [None]
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0, 0))
        idle, seen, done = peak(gateway.pid), set[str](), threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                seen.update(written_files(gateway.pid))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            bodies = (forms.endless(f"{n}.png", size, f"{seed}{n}", MIB) for n in range(count))
            body = chain(chain.from_iterable(bodies), [forms.END])
            answer = client.post(forms.PATH, headers=forms.TYPE, content=body)
        finally:
            done.set()
            watching.join()
        assert forms.codes(answer) == [None] * count
        assert [file["size"] for file in answer.json()["files"]] == [size] * count
        assert seen == set()
        grown = peak(gateway.pid) - idle
        # two part buffers at a time, what the S3 client holds of them, and noise of the allocator
        assert grown < 64 * MIB, f"{grown / MIB:.0f} MiB above idle"
        first, last = answer.json()["files"][0], answer.json()["files"][-1]
        for file in (first, last):
            eventually(lambda file=file: state(client, file["upload_id"]) == "stored", 300)  # type: ignore[misc]
        return grown


def state(client: httpx.Client, upload_id: str) -> str:
    return str(tus.status(client, f"/files/{upload_id}")["state"])


def test_a_form_of_many_files_takes_two_part_buffers_and_no_disk(places: Places) -> None:
    sent_within_bounds(places, 20, 12 * MIB, "short")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_form_of_twenty_gibibytes_takes_no_more_than_a_short_one(
    places: Places, request: pytest.FixtureRequest
) -> None:
    began = time.monotonic()
    grown = sent_within_bounds(places, 20, 1024 * MIB, "long")
    figures = {
        "mib_above_idle": round(grown / MIB, 1),
        "mib_per_second": round(20 * 1024 / (time.monotonic() - began)),
    }
    request.node.user_properties.extend(figures.items())
