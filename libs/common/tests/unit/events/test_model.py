"""Strict when written, lenient when read: the two halves of every additive change."""

import json

import pytest
from pydantic import BaseModel

from common.events import AssetState, MediaFacts, StoredObject, Watermark, decode, new_message
from common.events.topics import CATALOG
from common.testing.clock import ManualClock

MARK = Watermark(service=CATALOG, at=ManualClock().now())
MESSAGE = new_message(MARK, source=CATALOG, key=CATALOG, sequence=1, clock=ManualClock())


def test_a_field_of_a_newer_producer_is_ignored() -> None:
    newer = json.dumps(json.loads(MESSAGE.payload or b"") | {"mood": "blue"}).encode()
    assert decode(b"catalog", MESSAGE.headers(), newer).event == MARK


@pytest.mark.parametrize("model", [Watermark, AssetState, StoredObject, MediaFacts])
def test_a_misspelt_field_never_leaves_a_producer(model: type[BaseModel]) -> None:
    with pytest.raises(TypeError, match="has no field mood"):
        model(mood="blue")
