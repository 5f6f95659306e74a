"""What every OutboxSource must do: the same for Postgres and for delivery's SQLite file.

@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_postgres(case): await case(Outbox(append, source))
"""
# ruff: noqa: S101  (these are tests, in a module so that two suites can run them)

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from common.clock import SystemClock
from common.errors import Unavailable
from common.events import Message, UploadWithdrawn, new_message
from common.events.topics import UPLOAD_GATEWAY
from common.ids import new_asset_id, new_upload_id
from common.relay.port import OutboxSource
from common.testing.waiting import eventually

MANY = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Outbox:
    """A fresh outbox: how to append (one transaction a call), how to get a source of it."""

    append: Callable[[Sequence[Message]], Awaitable[None]]
    source: Callable[[], OutboxSource]


def facts(count: int, *, key: str = "", size: int = 0) -> list[Message]:
    """A history of one key; `size` is of each payload, in bytes."""
    asset = new_asset_id()
    event = UploadWithdrawn(
        asset_id=asset, upload_id=new_upload_id(), user_id=new_asset_id(), kind="audio"
    )
    made = [
        new_message(
            event, source=UPLOAD_GATEWAY, key=key or str(asset), sequence=n, clock=SystemClock()
        )
        for n in range(1, count + 1)
    ]
    return [replace(m, payload=b"x" * size) for m in made] if size else made


async def what_comes_out_is_what_went_in(outbox: Outbox) -> None:
    (message,) = facts(1)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    message = replace(message, envelope=replace(message.envelope, traceparent=trace))
    gone = replace(facts(1)[0], payload=None)
    await outbox.append([message, gone])
    source = outbox.source()
    assert await source.lead()
    rows, *_ = await source.fetch(10, MANY)
    await source.resign()
    assert [row[1] for row in rows] == [message, gone]


async def rows_come_by_position_until_they_are_marked(outbox: Outbox) -> None:
    messages = facts(5)
    for message in messages:
        await outbox.append([message])
    source = outbox.source()
    await source.lead()
    rows, _, drained = await source.fetch(3, MANY)
    assert [row[1] for row in rows] == messages[:3]
    assert not drained
    await source.mark([(row[0], 0, n) for n, row in enumerate(rows)])
    rows, _, drained = await source.fetch(3, MANY)
    assert [row[1] for row in rows] == messages[3:]
    assert drained
    await source.resign()


async def rows_are_bounded_by_bytes_and_the_first_comes_whatever_its_size(
    outbox: Outbox,
) -> None:
    await outbox.append(facts(4, size=1000))
    source = outbox.source()
    await source.lead()
    for most, expected in ((1, 1), (1000, 1), (1001, 2), (10_000, 4)):
        rows, _, drained = await source.fetch(100, most)
        assert (len(rows), drained) == (expected, expected == 4)
    assert not (await source.fetch(4, 10_000))[2]
    await source.resign()


async def the_backlog_is_counted_and_its_age_told(outbox: Outbox) -> None:
    source = outbox.source()
    await source.lead()
    assert await source.backlog() == (0, timedelta())
    await outbox.append(facts(3))
    rows, age = await source.backlog()
    assert rows == 3
    assert timedelta() < age < timedelta(seconds=60)
    await source.resign()


async def the_clock_is_read_before_the_rows(outbox: Outbox) -> None:
    source = outbox.source()
    await source.lead()
    _, first, _ = await source.fetch(1, MANY)
    _, second, _ = await source.fetch(1, MANY)
    await outbox.append(facts(1))
    rows, third, _ = await source.fetch(1, MANY)
    await source.resign()
    assert first < second < third
    assert rows


async def there_is_one_leader_and_the_next_follows(outbox: Outbox) -> None:
    first, second = outbox.source(), outbox.source()
    assert await first.lead()
    assert not await second.lead()
    assert await first.still_leader()
    assert not await second.still_leader()
    with pytest.raises(Unavailable):
        await second.fetch(1, MANY)
    await first.resign()
    assert not await first.still_leader()
    await eventually(second.lead)
    await second.resign()


async def upkeep_changes_nothing_of_what_waits(outbox: Outbox) -> None:
    messages = facts(3)
    await outbox.append(messages)
    source = outbox.source()
    await source.lead()
    await source.upkeep()
    rows, *_ = await source.fetch(10, MANY)
    await source.resign()
    assert [row[1] for row in rows] == messages


CASES = (
    what_comes_out_is_what_went_in,
    rows_come_by_position_until_they_are_marked,
    rows_are_bounded_by_bytes_and_the_first_comes_whatever_its_size,
    the_backlog_is_counted_and_its_age_told,
    the_clock_is_read_before_the_rows,
    there_is_one_leader_and_the_next_follows,
    upkeep_changes_nothing_of_what_waits,
)
