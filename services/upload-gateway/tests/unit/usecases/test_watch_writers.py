from contextlib import suppress

import pytest
from gateway_support.bench import Bench

from common.ids import new_upload_id
from upload_gateway.ports.body import BodyCut
from upload_gateway.usecases.watch_writers import WatchWriters


async def test_only_those_that_lost_their_upload_elsewhere_are_cut() -> None:
    bench = Bench()
    kept, lost = new_upload_id(), new_upload_id()
    bench.ledger.tables.writers.update({kept: 1, lost: 2})
    watch = WatchWriters(bench.writers, bench.presence)
    async with bench.writers.writing(kept, 1) as going, bench.writers.writing(lost, 1) as gone:
        await watch()
        async with going.reading():
            pass
        with pytest.raises(BodyCut) as cut:
            async with gone.reading():
                raise AssertionError
        assert cut.value.reason == "superseded"


async def test_a_newer_writer_of_the_same_upload_is_not_cut_by_the_older_ones_end() -> None:
    bench = Bench()
    upload_id = new_upload_id()
    async with bench.writers.writing(upload_id, 2) as newer:
        bench.writers.cut(upload_id, 1, "superseded")
        with suppress(BodyCut):
            async with newer.reading():
                return
    raise AssertionError("the newer one was cut")
