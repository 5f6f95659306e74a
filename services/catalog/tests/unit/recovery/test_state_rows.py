"""Two readings of the same bytes: the fast one gives the rows that the models give."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from services.catalog.tests.life import Steps, lived, lives
from services.catalog.tests.story import Story

from catalog.recovery.adapters.row_tuples import (
    ASSET_COLUMNS,
    RENDITION_COLUMNS,
    Row,
    asset_tuple,
    rendition_tuples,
)
from catalog.recovery.adapters.state_rows import rows_of
from catalog.recovery.domain.recovered import recovered
from common.errors import Corrupt
from common.events import AssetState
from common.events.topics import CATALOG_STATE
from common.events.v1.catalog_state import STATE_VERSION
from common.ids import new_asset_id


def plain(columns: tuple[str, ...], row: Row) -> dict[str, Any]:
    """Ids as text, JSON as values."""
    found = dict(zip(columns, row, strict=True))
    for name in ("media", "applied"):
        if found.get(name) is not None:
            found[name] = json.loads(found[name])
    return found | {name: str(found[name]) for name in ("user_id", "run") if name in found}


@settings(deadline=None)
@given(lives())
async def test_every_record_is_read_the_same_way_twice(steps: Steps) -> None:
    life = await lived(steps)
    for message in life.catalog.outbox:
        if message.topic != CATALOG_STATE.name or message.payload is None:
            continue
        if not message.key.startswith("asset/"):
            continue
        state = AssetState.model_validate_json(message.payload)
        sequence = message.envelope.sequence
        slow, fast = recovered(state, sequence), rows_of(state.asset_id, sequence, message.payload)
        assert slow is not None
        assert fast is not None
        row = plain(ASSET_COLUMNS, fast[0]) | {"upload_id": state.upload_id}
        assert row == plain(ASSET_COLUMNS, asset_tuple(slow))
        assert [plain(RENDITION_COLUMNS, item) for item in fast[1]] == [
            plain(RENDITION_COLUMNS, item) for item in rendition_tuples(slow)
        ]


async def test_a_record_of_a_version_without_rows_is_left_to_its_history() -> None:
    life = await lived([(0, Story.started), (0, Story.completed)])
    (record,) = [item for item in life.catalog.outbox if item.topic == CATALOG_STATE.name]
    value = json.loads(record.payload or b"")
    assert value.pop("row")
    assert rows_of(life.stories[0].asset_id, 1, json.dumps(value).encode()) is None


async def test_a_newer_version_is_refused_also_where_it_reads_like_ours() -> None:
    life = await lived([(0, Story.started), (0, Story.completed)])
    (record,) = [item for item in life.catalog.outbox if item.topic == CATALOG_STATE.name]
    value = json.loads(record.payload or b"") | {"requires": STATE_VERSION + 1}
    with pytest.raises(Corrupt) as refused:
        rows_of(life.stories[0].asset_id, 1, json.dumps(value).encode())
    assert refused.value.code == "newer_version"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b'{"requires": 2}', "newer_version"),
        (b"{", "bad_state"),
        (b'{"requires": 1, "row": {}}', "bad_state"),
        (b'{"requires": 1, "row": {"renditions": []}, "objects": [{}]}', "bad_state"),
    ],
)
def test_a_record_that_is_not_ours_to_read_ends_the_recovery(value: bytes, code: str) -> None:
    with pytest.raises(Corrupt) as refused:
        rows_of(new_asset_id(), 1, value)
    assert refused.value.code == code
