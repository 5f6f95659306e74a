"""A fact told twice changes nothing: not the asset, not the objects, not the log."""

from collections import Counter
from pathlib import Path

import pytest
from tests.e2e.client import Reprise, eventually
from tests.e2e.kafka_log import FACTS, deliver_again, lag, records_of
from tests.e2e.store import list_keys

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_every_fact_of_an_asset_delivered_twice_changes_nothing(
    admin: Reprise, stack: Stack, tmp_path: Path
) -> None:
    bootstrap = stack.env["REPRISE_KAFKA_BOOTSTRAP"]
    flac = media.make_flac(tmp_path / "again.flac", seconds=8)
    asset_id = admin.ended(admin.upload(flac, kind="audio", filetype="audio/flac"))["asset_id"]
    before = admin.finished(asset_id)
    settled(bootstrap)
    facts = records_of(bootstrap, asset_id)
    objects = list_keys(stack.env, f"u/{asset_id}/")
    assert {fact.topic for fact in facts} >= set(FACTS[:3])

    deliver_again(bootstrap, facts)

    settled(bootstrap)
    assert admin.asset(asset_id) == before
    assert list_keys(stack.env, f"u/{asset_id}/") == objects
    # only our own copies were added: nobody answered an old fact with a new one
    assert Counter(records_of(bootstrap, asset_id)) == Counter(facts + facts)


def settled(bootstrap: str) -> None:
    eventually(
        lambda: lag(bootstrap),
        lambda waiting: waiting == 0,
        within=30,
        saying="every consumer should have read everything",
    )
