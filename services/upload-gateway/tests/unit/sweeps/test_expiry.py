import asyncio

from gateway_support.bench import EXPIRY, Bench

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
