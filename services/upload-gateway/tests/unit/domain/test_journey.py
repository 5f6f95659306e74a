from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from common.events import (
    AssetDeleted,
    AssetFailed,
    AssetReady,
    AssetRegistered,
    AssetRestored,
    Event,
    MediaProbed,
    ProcessingRequested,
    RenditionFailed,
)
from common.events.v1.renditions import MediaFacts, PlannedRendition
from common.ids import AssetId, UploadId, UserId
from upload_gateway.domain.journey import Journey

ASSET, RUN, LATER = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEW = Journey(AssetId(ASSET), UploadId(UUID(int=4)), UserId(UUID(int=5)))
KEY = f"u/{ASSET}/original-0123456789abcdef.flac"
REQUESTED = ProcessingRequested(
    asset_id=ASSET,
    user_id=UUID(int=5),
    run=RUN,
    kind="audio",
    key=KEY,
    size=1,
    sha256="0" * 64,
    content_type="audio/flac",
)
REGISTERED = AssetRegistered(
    asset_id=ASSET,
    user_id=UUID(int=5),
    upload_id=UUID(int=4),
    kind="audio",
    key=KEY,
    size=1,
    sha256="0" * 64,
    content_type="audio/flac",
)
READY = AssetReady(asset_id=ASSET, run=RUN)


def probed(run: UUID, *names: str) -> MediaProbed:
    plan = tuple(PlannedRendition(rendition=one, profile=one, required=True) for one in names)
    media = MediaFacts(container="flac", codec="flac")
    return MediaProbed(asset_id=ASSET, run=run, media=media, plan=plan)


def failed(run: UUID, name: str) -> RenditionFailed:
    return RenditionFailed(asset_id=ASSET, run=run, rendition=name, reason="no_memory")


def after(*events: Event, begun: Journey = NEW) -> Journey:
    for event in events:
        begun = begun.after(event, NOW)
    return begun


def counts(journey: Journey) -> Sequence[int]:
    return journey.count("ready"), journey.count("failed"), journey.planned


def test_a_plan_says_how_many_renditions_there_will_be_and_each_end_counts_once() -> None:
    journey = after(REGISTERED, REQUESTED, probed(RUN, "a", "b", "c"))
    assert (journey.state, counts(journey)) == ("processing", (0, 0, 3))
    assert counts(after(failed(RUN, "b"), failed(RUN, "b"), begun=journey)) == (0, 1, 3)


def test_the_plan_of_a_new_run_counts_anew_and_leaves_ready() -> None:
    journey = after(probed(RUN, "a", "b"), READY, probed(LATER, "a", "b", "c"))
    assert (journey.state, counts(journey), journey.ready_at) == ("ready", (0, 0, 3), NOW)


def test_an_end_in_a_run_that_was_replaced_changes_nothing() -> None:
    journey = after(probed(LATER, "a"))
    assert after(failed(RUN, "a"), begun=journey) == journey


def test_the_catalogs_word_comes_in_any_order_with_the_transcoders() -> None:
    early = after(READY, probed(RUN, "a"))
    late = after(probed(RUN, "a"), READY)
    assert early == late
    assert late.state == "ready"


def test_what_failed_says_why_and_another_run_forgets_it() -> None:
    journey = after(REQUESTED, AssetFailed(asset_id=ASSET, reason="unreadable"))
    assert (journey.state, journey.reason) == ("failed", "unreadable")
    assert after(REQUESTED, begun=journey).state == "processing"


def test_what_is_restored_stands_where_it_stood() -> None:
    deleted = AssetDeleted(asset_id=ASSET, generation=2, restorable_until=NOW)
    restored = AssetRestored(asset_id=ASSET, generation=3)
    assert after(READY, deleted).state == "deleted"
    assert after(READY, deleted, restored).state == "ready"
    assert after(REQUESTED, deleted, restored).state == "processing"
    assert after(REQUESTED, deleted, probed(RUN, "a")).state == "deleted"


def test_a_record_is_known_by_its_topic_and_sequence() -> None:
    journey = NEW.having_heard("a", 3)
    assert [journey.knows("a", n) for n in (2, 3, 4)] == [True, True, False]
    assert not journey.knows("b", 1)
