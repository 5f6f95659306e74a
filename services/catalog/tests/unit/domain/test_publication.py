from datetime import timedelta

from services.catalog.tests.story import Story

from catalog.domain.asset import Asset, Change, nothing
from catalog.domain.ending import close_purged, delete, end_grace
from catalog.domain.publication import publish, state_of
from catalog.domain.registering import become_alias, expected, register, stored
from common.events import AssetState, Message, UploadCompleted
from common.events.topics import ASSETS, CATALOG_STATE
from common.ids import new_asset_id
from common.testing.clock import ManualClock

CLOCK = ManualClock()


def completed(story: Story) -> UploadCompleted:
    fact = story.completed().event
    assert isinstance(fact, UploadCompleted)
    return fact


def registered(story: Story) -> tuple[Asset, tuple[Message, ...]]:
    fact = completed(story)
    arrived = stored(expected(fact, at=CLOCK.now()), fact, at=CLOCK.now())
    return publish(register(arrived, fact), clock=CLOCK, cause=None)


def sent(change: Change) -> tuple[Asset, tuple[Message, ...]]:
    return publish(change, clock=CLOCK, cause=None)


def test_facts_and_state_records_are_numbered_apart() -> None:
    story = Story()
    asset, first = registered(story)
    assert [(m.topic, m.key, m.envelope.sequence) for m in first] == [
        (ASSETS.name, str(story.asset_id), 1),
        (ASSETS.name, str(story.asset_id), 2),
        (CATALOG_STATE.name, f"asset/{story.asset_id}", 1),
    ]
    _, second = sent(delete(asset, now=CLOCK.now(), grace=timedelta(1)))
    assert [m.envelope.sequence for m in second] == [3, 2]


def test_the_same_history_always_has_the_same_event_ids() -> None:
    story = Story()
    fact = completed(story)
    arrived = stored(expected(fact, at=CLOCK.now()), fact, at=CLOCK.now())
    ids = [
        [m.envelope.id for m in publish(register(arrived, fact), clock=CLOCK, cause=None)[1]]
        for _ in range(2)
    ]
    assert ids[0] == ids[1]


def test_nothing_seen_means_no_new_version_and_no_state_record() -> None:
    asset, _ = registered(Story())
    after, messages = sent(nothing(asset))
    assert (after, messages) == (asset, ())


def test_an_upload_in_flight_has_no_state_record() -> None:
    fact = completed(Story())
    _, messages = sent(Change(expected(fact, at=CLOCK.now())))
    assert messages == ()


def test_an_alias_is_told_once_and_stays_when_its_bytes_are_gone() -> None:
    story = Story()
    fact = completed(story)
    arrived = stored(expected(fact, at=CLOCK.now()), fact, at=CLOCK.now())
    alias, first = sent(become_alias(arrived, fact, winner=new_asset_id()))
    assert [m.key for m in first if m.topic == CATALOG_STATE.name] == [f"alias/{story.asset_id}"]
    _, second = sent(close_purged(alias))
    assert second == ()


def test_a_purged_asset_leaves_a_tombstone_with_the_next_sequence() -> None:
    asset, _ = registered(Story())
    asset, _ = sent(delete(asset, now=CLOCK.now(), grace=timedelta(1)))
    asset, _ = sent(end_grace(asset))
    _, messages = sent(close_purged(asset))
    (tombstone,) = messages
    assert tombstone.payload is None
    assert (tombstone.key, tombstone.envelope.sequence) == (f"asset/{asset.asset_id}", 4)
    assert tombstone.envelope.type == AssetState.TYPE


def test_the_state_record_lists_the_original_and_says_what_was_applied() -> None:
    asset, _ = registered(Story())
    record = state_of(asset)
    assert [item.rendition for item in record.objects] == ["original"]
    assert (record.state, record.visibility, record.generation) == ("processing", "owner", 1)
    assert record.run == asset.run_id
