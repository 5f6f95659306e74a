"""Any life of an asset, told again from the log alone, ends in the row it had."""

from hypothesis import given, settings
from hypothesis import strategies as st
from services.catalog.tests.life import Life, Steps, comparable, lived, lives
from services.catalog.tests.story import Story
from services.catalog.tests.ways_in import GRACE

from catalog.recovery.adapters.live_player import LivePlayer
from catalog.recovery.domain.history import History, Retold
from catalog.recovery.domain.recovered import recovered
from catalog.recovery.usecases.retell_history import RetellHistory
from common.events import AssetState, Message, Received, decode
from common.events.topics import ASSETS, CATALOG_STATE, DETAILS


def read(message: Message) -> Received:
    return decode(message.key.encode(), message.headers(), message.payload)


def history_of(life: Life, story: Story, outbox: list[Message]) -> History:
    records = [
        read(item)
        for item in outbox
        if item.topic == CATALOG_STATE.name and item.key.endswith(str(story.asset_id))
    ]
    last = records[-1] if records else None
    live = last.event if last and isinstance(last.event, AssetState) else None
    return History(
        base=recovered(live, last.envelope.sequence) if last and live else None,
        told=tuple(
            read(item)
            for item in outbox
            if item.topic == ASSETS.name and item.key == str(story.asset_id)
        ),
        inputs=tuple(
            item
            for item in life.inputs
            if item.key == str(story.asset_id)
            and item.event is not None
            and item.event.TOPIC is not DETAILS
        ),
        record=last.envelope.sequence if last else 0,
        closed=last is not None and live is None,
    )


async def retold(life: Life, story: Story, outbox: list[Message]) -> Retold:
    player = LivePlayer(life.clock, GRACE)
    return await RetellHistory(player, life.clock)(history_of(life, story, outbox))


@settings(deadline=None, max_examples=300)
@given(lives())
async def test_the_row_of_the_log_is_the_row_that_was_lost(steps: Steps) -> None:
    life = await lived(steps)
    for story in life.stories:
        back = await retold(life, story, life.catalog.outbox)
        assert comparable(back.asset) == comparable(life.catalog.rows.get(story.asset_id))
        assert back.untold == ()
        assert back.unexplained == 0
        waiting = {str(item.envelope.id) for item in life.waiting}
        assert {str(item.envelope.id) for item in back.left} <= waiting


@settings(deadline=None, max_examples=300)
@given(lives(), st.data())
async def test_wherever_the_relay_stopped_no_told_fact_is_denied_or_told_otherwise(
    steps: Steps, data: st.DataObject
) -> None:
    """The log ends anywhere in the outbox, also between the facts of a change and its record."""
    life = await lived(steps)
    outbox = life.catalog.outbox[: data.draw(st.integers(0, len(life.catalog.outbox)))]
    for story in life.stories:
        history = history_of(life, story, outbox)
        back = await retold(life, story, outbox)
        assert back.unexplained == 0
        told = [fact.envelope.sequence for fact in history.told]
        untold = [m.envelope.sequence for m in back.untold if m.topic == ASSETS.name]
        facts = back.asset.facts if back.asset else 0
        assert [*told, *untold] == list(range(1, facts + 1))
        in_full = {m.envelope.id: m.payload for m in life.catalog.outbox}
        for message in back.untold:
            if message.topic == ASSETS.name:
                assert in_full[message.envelope.id] == message.payload
        if back.asset and history.record:
            assert back.asset.records >= history.record
