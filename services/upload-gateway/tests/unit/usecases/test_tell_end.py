from collections.abc import Awaitable, Callable

import pytest
from gateway_support.bench import EXPIRY, OWNER, Bench
from gateway_support.fakes import KnownSniffer, MemoryTicket

from common.events.topics import DETAILS
from upload_gateway.domain.upload import Upload


async def aborted(bench: Bench, upload: Upload) -> None:
    await bench.end(upload.id, OWNER)


async def expired(bench: Bench, upload: Upload) -> None:
    bench.clock.advance(EXPIRY + 1)
    await bench.expire()


async def rejected(bench: Bench, upload: Upload) -> None:
    await bench.sent(upload, 0, b"abc")
    bench.sniffer = KnownSniffer(frozenset())
    bench.__post_init__()
    await bench.verified(upload)


async def given_up(bench: Bench, upload: Upload) -> None:
    await bench.sent(upload, 0, b"abc")
    await bench.give_up(upload.id, MemoryTicket(upload.asset_id))


def names(bench: Bench) -> list[tuple[int, bool]]:
    """The records of the one name: their sequence, and whether they take it back."""
    return [
        (message.envelope.sequence, message.payload is None)
        for message in bench.ledger.tables.messages
        if message.topic == DETAILS.name
    ]


@pytest.mark.parametrize("end", [aborted, expired, rejected, given_up])
async def test_a_name_is_taken_back_by_the_end_of_an_upload_that_the_catalog_never_had(
    end: Callable[[Bench, Upload], Awaitable[None]],
) -> None:
    bench = Bench()
    upload = await bench.created(3)
    await end(bench, upload)
    assert bench.ledger[upload].state in {"aborted", "expired", "rejected"}
    assert names(bench) == [(1, False), (2, True)]
    assert bench.ledger[upload].file_name == "set.flac"  # its owner may ask what became of it


async def test_what_never_had_a_name_needs_none_taken_back() -> None:
    bench = Bench()
    upload = await bench.created(3, filetype="audio/flac")
    await aborted(bench, upload)
    assert names(bench) == []


async def test_what_is_stored_keeps_its_name_for_the_catalog() -> None:
    bench = Bench()
    upload = await bench.created(3)
    await bench.sent(upload, 0, b"abc")
    await bench.verified(upload)
    await bench.end(upload.id, OWNER)
    assert bench.ledger[upload].state == "withdrawn"
    assert names(bench) == [(1, False)]
