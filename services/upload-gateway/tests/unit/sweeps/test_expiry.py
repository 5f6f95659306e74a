import asyncio

from gateway_support.bench import EXPIRY, Bench
from gateway_support.fakes import MemoryStore
from typing_extensions import override

from common.ids import ObjectKey
from common.telemetry.metrics import Metrics
from common.web.loops import SupervisedLoop
from upload_gateway.sweeps.expiry import build_expiry_sweep


async def test_the_sweep_runs_through_an_outage_and_ends_when_told() -> None:
    bench = Bench()
    upload = await bench.sent(await bench.created(35), 0, b"0123456789abc")
    bench.clock.advance(EXPIRY)
    bench.store.down = True
    stop = asyncio.Event()
    running = asyncio.ensure_future(build_expiry_sweep(bench.expire, 0.005)(stop))
    async with asyncio.timeout(5):
        while bench.ledger[upload].state != "expired":
            await asyncio.wait({running}, timeout=0.001)
        bench.store.down = False
        bench.clock.advance(2)
        while not bench.ledger[upload].cleared:
            await asyncio.wait({running}, timeout=0.001)
        stop.set()
        await running


async def test_a_sweep_that_takes_long_is_not_taken_for_one_that_stands_still() -> None:
    """Else the process would be ended, and with it all uploads of the moment."""
    seen = list[str | None]()

    class Slow(MemoryStore):
        @override
        async def discard(self, key: ObjectKey, known: str | None) -> None:
            bench.clock.advance(50)
            seen.append(loop.trouble())
            if len(seen) == 10:
                stop.set()
            await super().discard(key, known)

    bench, stop = Bench(store=Slow()), asyncio.Event()
    for _ in range(10):
        await bench.created(35)
    bench.clock.advance(EXPIRY)
    crashes = Metrics("tests").counter("crashes", "Crashes.", ["loop"])
    sweep = build_expiry_sweep(bench.expire, 9)
    loop = SupervisedLoop("expiry", sweep, crashes=crashes, clock=bench.clock)
    async with asyncio.timeout(5):
        await loop.run(stop)
    assert seen == [None] * 10
