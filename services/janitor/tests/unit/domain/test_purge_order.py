"""An order is as permanent and as narrow as the fact it was made of."""

from dataclasses import replace

import pytest
from services.janitor.tests.unit.samples import asset_order, objects_order, upload_order

from common.ids import new_asset_id, original_key
from janitor.domain.errors import RefusesToDelete
from janitor.domain.purge_order import is_worth_reporting


def test_the_same_fact_makes_the_same_order() -> None:
    order = asset_order()
    assert replace(order, reason="read again").id == order.id
    assert asset_order().id != order.id


def test_no_order_exists_with_a_foreign_key() -> None:
    with pytest.raises(RefusesToDelete):
        asset_order(new_asset_id(), (original_key(new_asset_id(), "flac"),))


def test_only_replaced_objects_leave_the_asset_alive() -> None:
    asset_id = new_asset_id()
    assert asset_order().ends_asset
    assert upload_order().ends_asset
    assert not objects_order(asset_id, (original_key(asset_id, "jpg"),)).ends_asset


def test_every_fifth_failure_is_reported() -> None:
    assert [n for n in range(12) if is_worth_reporting(n)] == [5, 10]
