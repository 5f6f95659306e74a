"""Slow, stalled and trickling clients, with all times divided by forty."""

import time
from collections.abc import Iterator

import httpx
import pytest
from gateway_support import tus
from gateway_support.places import Places
from gateway_support.real_gateway import RealGateway, running

pytestmark = pytest.mark.integration
SCALE = 40
STALL = 30 / SCALE  # the default, scaled
TEN_MINUTES = 600 / SCALE
WINDOW = 60 / SCALE
RATE = 2000  # bytes in a second of the test


@pytest.fixture(scope="module")
def strict(
    places: Places, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RealGateway, httpx.Client]]:
    times = {
        "REPRISE_UPLOAD_STALL": str(STALL),
        "REPRISE_UPLOAD_RATE_WINDOW": str(WINDOW),
        "REPRISE_UPLOAD_MIN_RATE": str(RATE),
    }
    with (
        running(places, tmp_path_factory.mktemp("strict") / "log", **times) as gateway,
        gateway.client() as client,
    ):
        yield gateway, client


def trickle(raw: tus.RawPatch, piece: bytes, pause: float, seconds: float) -> int:
    """Pieces with pauses, until the time is over or the gateway has answered; bytes sent."""
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until and not raw.answered(pause):
        raw.send(piece)
        sent += len(piece)
    return sent


@pytest.mark.req("UPL-09")
def test_an_upload_of_more_than_ten_minutes_succeeds_as_long_as_it_moves(
    strict: tuple[RealGateway, httpx.Client],
) -> None:
    gateway, client = strict
    whole = 1_000_000
    path = tus.create(client, whole)
    began = time.monotonic()
    with tus.RawPatch(gateway, path, 0, whole) as raw:
        sent = trickle(raw, bytes(1000), STALL / 5, TEN_MINUTES)
        assert time.monotonic() - began >= TEN_MINUTES
        raw.send(bytes(whole - sent))
        assert "204" in raw.answer().splitlines()[0]
    assert tus.offset(client, path) == whole


@pytest.mark.req("UPL-09")
def test_a_stalled_upload_is_cut_after_the_idle_limit_and_keeps_what_arrived(
    strict: tuple[RealGateway, httpx.Client],
) -> None:
    gateway, client = strict
    path = tus.create(client, 100_000)
    began = time.monotonic()
    with tus.RawPatch(gateway, path, 0, 100_000) as raw:
        raw.send(bytes(50_000))
        answer = raw.answer()
    assert "503" in answer.splitlines()[0]
    assert "retry-after" in answer.lower()
    assert time.monotonic() - began >= STALL
    assert tus.offset(client, path) == 50_000


@pytest.mark.req("UPL-09")
def test_a_trickle_below_the_minimum_rate_is_cut_after_a_window_and_keeps_what_arrived(
    strict: tuple[RealGateway, httpx.Client],
) -> None:
    gateway, client = strict
    path = tus.create(client, 100_000)
    began = time.monotonic()
    with tus.RawPatch(gateway, path, 0, 100_000) as raw:
        sent = trickle(raw, b"1", STALL / 8, 20 * WINDOW)
        assert "503" in raw.answer().splitlines()[0]
    assert WINDOW <= time.monotonic() - began < 20 * WINDOW
    assert 0 < tus.offset(client, path) <= sent
