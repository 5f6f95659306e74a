import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common import failpoints
from common.errors import RepriseError, Unavailable
from common.events import Message, UploadWithdrawn, Watermark, decode, new_message
from common.ids import new_asset_id, new_upload_id
from common.kafka.producer import Fenced, TopicMissing
from common.relay.port import Published, Row
from common.relay.relay import Relay
from common.telemetry.metrics import Metrics
from common.testing.clock import START, ManualClock
from common.testing.waiting import eventually


def row(position: int, traceparent: str | None = None) -> Row:
    fact = UploadWithdrawn(
        asset_id=new_asset_id(), upload_id=new_upload_id(), user_id=new_asset_id(), kind="audio"
    )
    return position, new_message(
        fact,
        source="x",
        key="k",
        sequence=position,
        clock=ManualClock(),
        traceparent=traceparent,
    )


class Outbox:
    """Rows in memory; `locked_out` says that another process leads."""

    def __init__(self, *positions: int) -> None:
        self.rows = {position: row(position)[1] for position in positions}
        self.read_at = START
        self.locked_out = False
        self.fetches = self.upkeeps = 0

    async def lead(self) -> bool:
        return not self.locked_out

    async def still_leader(self) -> bool:
        return not self.locked_out

    async def resign(self) -> None:
        return

    async def fetch(self, limit: int, max_bytes: int) -> tuple[Sequence[Row], datetime, bool]:
        self.fetches += 1
        found: list[Row] = []
        for position, message in sorted(self.rows.items())[:limit]:
            max_bytes -= len(message.payload or b"") if found else 0
            if max_bytes < 0:
                break
            found.append((position, message))
        return found, self.read_at, len(found) == len(self.rows) < limit

    async def mark(self, published: Sequence[Published]) -> None:
        for position, _, _ in published:
            del self.rows[position]

    async def backlog(self) -> tuple[int, timedelta]:
        return len(self.rows), timedelta(seconds=1)

    async def upkeep(self) -> None:
        self.upkeeps += 1


class Broker:
    """Keeps what was committed; `fails` holds what the next batches meet instead."""

    def __init__(self) -> None:
        self.batches: list[list[Message]] = []
        self.fails: list[RepriseError] = []
        self.granted: list[float] = []
        self.most = 1000
        self.takes: Callable[[], None] = lambda: None
        self.opened = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Broker"]:
        self.opened += 1
        yield self

    async def send_batch(
        self, messages: Sequence[Message], *, within: float
    ) -> list[tuple[int, int]]:
        self.granted.append(within)
        self.takes()
        if len(messages) > self.most:
            raise Unavailable("it took too long")
        if self.fails:
            raise self.fails.pop(0)
        self.batches.append(list(messages))
        return [(0, n) for n in range(len(messages))]

    def positions(self) -> list[int]:
        return [m.envelope.sequence for batch in self.batches for m in batch if not is_watermark(m)]

    def watermarks(self) -> list[datetime]:
        events = [
            decode(m.key.encode(), m.headers(), m.payload).event
            for batch in self.batches
            for m in batch
        ]
        return [event.at for event in events if isinstance(event, Watermark)]


def is_watermark(message: Message) -> bool:
    return message.envelope.type == Watermark.TYPE


class Scene:
    def __init__(self, *positions: int, batch: int = 2, **options: Any) -> None:
        self.outbox, self.broker, self.clock = Outbox(*positions), Broker(), ManualClock()
        self.metrics = Metrics("x")
        self.relay = Relay(
            self.outbox,
            self.broker.open,
            service="x",
            clock=self.clock,
            metrics=self.metrics,
            wake=asyncio.Event(),
            batch=batch,
            **options,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.relay.loop(stop))
            yield
            stop.set()

    def sample(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)


async def test_a_watermark_goes_only_with_a_select_that_came_back_less_than_full() -> None:
    scene = Scene(1, 2, 3)
    async with scene.running():
        await eventually(lambda: not scene.outbox.rows)

    first, second = scene.broker.batches
    assert [is_watermark(message) for message in first] == [False, False]
    assert [is_watermark(message) for message in second] == [False, True]
    assert scene.broker.watermarks() == [START]


async def test_a_watermark_says_when_the_clock_was_read_and_once_a_second() -> None:
    scene = Scene()
    async with scene.running():
        await eventually(lambda: scene.broker.watermarks() == [START])
        seen = scene.outbox.fetches
        await eventually(lambda: scene.outbox.fetches >= seen + 3)
        assert len(scene.broker.watermarks()) == 1
        scene.outbox.read_at = later = START + timedelta(seconds=9)
        scene.clock.advance(1)
        await eventually(lambda: scene.broker.watermarks() == [START, later])

    assert scene.broker.batches[0][0].envelope.sequence < (
        scene.broker.batches[1][0].envelope.sequence
    )


async def test_what_is_left_when_the_process_ends_is_still_published() -> None:
    scene, stop = Scene(*range(1, 10)), asyncio.Event()
    send = scene.broker.send_batch

    async def send_and_end(messages: Sequence[Message], *, within: float) -> list[tuple[int, int]]:
        stop.set()
        return await send(messages, within=within)

    scene.broker.send_batch = send_and_end  # type: ignore[method-assign]
    await asyncio.wait_for(scene.relay.loop(stop), 5)
    assert scene.outbox.rows == {}


async def test_only_the_leader_sends() -> None:
    scene = Scene(1)
    scene.outbox.locked_out = True
    async with scene.running():
        await eventually(lambda: scene.sample("media_relay_leader") == 0)

    assert scene.broker.opened == 0


async def test_a_failed_batch_is_sent_again_by_a_new_sender() -> None:
    scene = Scene(1, 2, batch=10)
    scene.broker.fails = [Unavailable("no broker"), Fenced()]
    async with scene.running():
        await eventually(lambda: not scene.outbox.rows)

    assert scene.broker.positions() == [1, 2]
    assert scene.broker.opened == 3
    assert scene.sample("media_relay_fenced_total") == 1


async def test_a_slow_broker_is_granted_more_time_and_a_fast_one_no_more_than_it_needs() -> None:
    scene = Scene(1, 2, 3, 4, 5, batch=1)
    lasting = [3.0, 6.0, 2.0, 0.1, 0.1, 0.1, 0.1]
    scene.broker.takes = lambda: scene.clock.advance(lasting.pop(0) if lasting else 0)
    scene.broker.fails = [Unavailable("3 s were too few"), Unavailable("6 s were too few")]
    async with scene.running():
        await eventually(lambda: not scene.outbox.rows)

    assert scene.broker.granted[:5] == [3.0, 6.0, 9.0, 4.0, 3.0]


async def test_a_batch_too_large_to_end_in_time_is_sent_in_smaller_ones() -> None:
    scene = Scene(*range(1, 13), batch=8)
    scene.broker.most = 3
    async with scene.running():
        await eventually(lambda: not scene.outbox.rows, timeout=20)

    assert scene.broker.positions() == list(range(1, 13))


async def test_a_fenced_sender_without_the_lock_opens_no_other() -> None:
    scene = Scene(1)

    async def usurped(messages: Sequence[Message], *, within: float) -> list[tuple[int, int]]:
        scene.outbox.locked_out = True
        raise Fenced

    scene.broker.send_batch = usurped  # type: ignore[method-assign]
    async with scene.running():
        await eventually(lambda: scene.sample("media_relay_fenced_total") == 1)
        await eventually(lambda: scene.sample("media_relay_leader") == 0)

    assert scene.broker.opened == 1
    assert list(scene.outbox.rows) == [1]


@pytest.mark.parametrize(
    ("point", "sent"), [("relay.after_commit", [1, 2, 1, 2]), ("relay.after_fetch", [1, 2])]
)
async def test_a_crash_before_the_mark_repeats_a_batch_in_the_same_order(
    point: str, sent: list[int]
) -> None:
    scene = Scene(1, 2, batch=10)
    failpoints.activate(f"{point}=raise")
    try:
        async with scene.running():
            await eventually(lambda: scene.broker.opened >= 1 and scene.outbox.fetches >= 1)
            failpoints.clear()
            await eventually(lambda: not scene.outbox.rows)
    finally:
        failpoints.clear()

    assert scene.broker.positions() == sent


async def test_the_backlog_is_shown() -> None:
    scene = Scene(1)
    scene.broker.fails = [Unavailable("no broker")] * 100
    async with scene.running():
        await eventually(lambda: scene.sample("media_outbox_pending_rows") == 1)
        assert scene.sample("media_outbox_oldest_age_seconds") == 1


async def test_a_batch_is_bounded_by_bytes_and_one_large_record_still_goes() -> None:
    scene = Scene(1, 2, 3, batch=10, batch_bytes=1)
    async with scene.running():
        await eventually(lambda: not scene.outbox.rows)

    rows = [[m for m in batch if not is_watermark(m)] for batch in scene.broker.batches]
    assert [len(batch) for batch in rows] == [1, 1, 1]
    # two of the selections came back cut: they say nothing of what is behind them
    assert [is_watermark(batch[-1]) for batch in scene.broker.batches] == [False, False, True]


async def test_a_relay_can_be_told_to_tell_nobody_how_far_it_is() -> None:
    scene = Scene(1, watermarks=False)
    async with scene.running():
        await eventually(lambda: not scene.outbox.rows)
        seen = scene.outbox.fetches
        scene.clock.advance(5)
        await eventually(lambda: scene.outbox.fetches >= seen + 2)

    assert scene.broker.watermarks() == []


async def test_the_store_is_kept_by_whoever_leads_once_an_hour() -> None:
    scene = Scene()
    async with scene.running():
        await eventually(lambda: scene.outbox.upkeeps == 1)
        seen = scene.outbox.fetches
        await eventually(lambda: scene.outbox.fetches >= seen + 2)
        assert scene.outbox.upkeeps == 1
        scene.clock.advance(3600)
        await eventually(lambda: scene.outbox.upkeeps == 2)


async def test_missing_topics_are_shown_while_it_waits_for_them() -> None:
    scene = Scene(1)
    scene.broker.fails = [TopicMissing(["a", "b"])] * 2
    seen: set[float | None] = set()

    def drained() -> bool:
        seen.add(scene.sample("media_relay_topics_missing"))
        return not scene.outbox.rows

    async with scene.running():
        await eventually(drained)

    assert seen == {0.0, 2.0}
    assert scene.broker.positions() == [1]


async def test_one_span_is_made_for_a_batch_and_links_to_what_was_stored() -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    scene = Scene(batch=10, watermarks=False, tracer=provider.get_tracer("test"))
    for n in (1, 2, 3):
        traceparent = f"00-{n % 2 + 1:032x}-{n % 2 + 1:016x}-01"
        scene.outbox.rows[n] = row(n, traceparent)[1]
    async with scene.running():
        await eventually(lambda: not scene.outbox.rows)

    (span,) = spans.get_finished_spans()
    assert span.name == "send media.uploads.v1"
    assert linked(span) == {1, 2}
    assert (span.attributes or {})["messaging.batch.message_count"] == 3
    assert span.parent is None


def linked(span: ReadableSpan) -> set[int]:
    return {link.context.trace_id for link in span.links}
