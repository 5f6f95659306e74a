"""What the environment may say."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from services.delivery.tests.fakes import MemoryIndex
from services.delivery.tests.media import OWNER, an_asset, tokens

from common.access import Viewer
from common.settings.reference import reference
from common.testing.clock import ManualClock
from common.tokens import TokenExpired
from delivery.settings import DeliverySettings, LinkSettings, TokenRings
from delivery.usecases.issue_link import IssueLink, LinkPolicy


@pytest.mark.req("DLV-05")
@pytest.mark.parametrize(("given", "used"), [(5, 60), (600, 600), (99999, 3600)])
async def test_the_life_of_private_links_is_clamped_and_kept_to_the_second(
    given: int, used: int
) -> None:
    clock = ManualClock(datetime(2026, 5, 1, tzinfo=UTC))
    index, ring, asset = MemoryIndex(clock), tokens(), an_asset()
    index.know(asset)
    ttl = timedelta(seconds=LinkSettings(private_ttl=given).private_ttl)
    link = await IssueLink(index, ring, clock, LinkPolicy(ttl, "", "medium"))(
        Viewer(OWNER), asset.asset_id, "original"
    )
    token = link.url.partition("?t=")[2]
    key = asset.objects[0].key
    assert ttl == timedelta(seconds=used)
    ring.verify(token, key, now=clock.now() + ttl - timedelta(seconds=1), leeway=timedelta(0))
    with pytest.raises(TokenExpired):
        ring.verify(token, key, now=clock.now() + ttl, leeway=timedelta(0))
    ring.verify(token, key, now=clock.now() + ttl + timedelta(seconds=59))
    with pytest.raises(TokenExpired):
        ring.verify(token, key, now=clock.now() + ttl + timedelta(seconds=60))


def test_links_live_ten_minutes_unless_told_otherwise() -> None:
    assert LinkSettings().private_ttl == 600


def test_a_wider_resource_policy_needs_an_absolute_base() -> None:
    with pytest.raises(ValidationError):
        LinkSettings(resource_policy="cross-origin")
    both = LinkSettings(resource_policy="same-site", base="https://media.example.org/")
    assert both.base == "https://media.example.org"


def test_key_rings_may_be_missing_but_not_malformed() -> None:
    assert TokenRings().private_ring is None
    with pytest.raises(ValidationError):
        TokenRings(private_ring="too-short")


def test_every_variable_is_described() -> None:
    rows = reference(DeliverySettings)
    assert all(row.meaning for row in rows)
    assert {"MEDIA_PRIVATE_TTL", "MEDIA_BASE", "REPRISE_DELIVERY_DIR"} <= {row.name for row in rows}
