"""How long the store may be silent, and what one call's silence means for the next."""

import asyncio

import pytest
from botocore.exceptions import ClientError

from common.errors import NotFound, Unavailable
from common.resilience import Breaker
from common.s3.bodies import body_of
from common.s3.calls import StoreCalls
from common.telemetry.metrics import Metrics
from common.testing.clock import ManualClock

SILENCE = 0.05  # seconds


def answer(status: int, code: str) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "HeadObject",
    )


async def fail(calls: StoreCalls, error: Exception) -> None:
    async with calls.asking():
        raise error


async def hang(calls: StoreCalls) -> None:
    async with calls.asking():
        await asyncio.Event().wait()


async def test_a_silent_store_is_given_up() -> None:
    with pytest.raises(Unavailable) as silent:
        await hang(StoreCalls(silence=SILENCE))
    assert silent.value.code == "storage_unavailable"


async def test_every_failure_is_counted_by_its_code_and_an_answer_is_none() -> None:
    metrics = Metrics("tests")
    calls = StoreCalls(silence=SILENCE, metrics=metrics)
    for status, code in [(501, "NotImplemented"), (403, "AccessDenied"), (503, "SlowDown")]:
        with pytest.raises(Unavailable):
            await fail(calls, answer(status, code))
    with pytest.raises(Unavailable):
        await hang(calls)
    with pytest.raises(NotFound):
        await fail(calls, answer(404, "NoSuchKey"))
    lines = metrics.exposition().decode().splitlines()
    counted = [line for line in lines if line.startswith("media_storage_failures_total")]
    assert sorted(counted) == [
        f'media_storage_failures_total{{code="storage_{name}"}} 1.0'
        for name in ("busy", "denied", "unavailable", "unsupported")
    ]


async def test_a_body_that_still_leaves_is_waited_for() -> None:
    calls, body = StoreCalls(silence=SILENCE), b"x" * 20
    async with calls.asking() as heard:
        reader = body_of(body, heard)
        for _ in body:
            await asyncio.sleep(SILENCE / 4)  # all of it takes five times the silence allowed
            assert reader.read(1) == b"x"


async def test_after_failures_in_a_row_the_store_is_not_asked() -> None:
    clock = ManualClock()
    calls = StoreCalls(breaker=Breaker(failures=2, pause=5, clock=clock), silence=SILENCE)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await hang(calls)
    with pytest.raises(Unavailable) as refused:
        await fail(calls, AssertionError("asked all the same"))
    assert (refused.value.code, refused.value.retry_after) == ("storage_unavailable", 5)
    clock.advance(5)
    async with calls.asking():
        pass
    async with calls.asking():
        pass


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(404, "NoSuchKey", NotFound), (403, "AccessDenied", Unavailable)],
)
async def test_a_refusal_is_an_answer(status: int, code: str, kind: type[Exception]) -> None:
    calls = StoreCalls(breaker=Breaker(failures=1))
    for _ in range(3):
        with pytest.raises(kind):
            await fail(calls, answer(status, code))
    async with calls.asking():
        pass


async def test_a_store_that_asks_for_a_pause_gets_one() -> None:
    calls = StoreCalls(breaker=Breaker(failures=1))
    with pytest.raises(Unavailable) as busy:
        await fail(calls, answer(503, "SlowDown"))
    assert busy.value.code == "storage_busy"
    with pytest.raises(Unavailable) as refused:
        await fail(calls, AssertionError("asked all the same"))
    assert refused.value.code == "storage_unavailable"


async def test_pieces_of_a_body_go_on_while_others_are_refused() -> None:
    calls = StoreCalls(breaker=Breaker(failures=1), silence=SILENCE)
    with pytest.raises(Unavailable):
        await hang(calls)
    async with calls.hearing():
        pass
    with pytest.raises(Unavailable):
        async with calls.hearing():
            await asyncio.Event().wait()
