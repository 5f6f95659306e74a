"""Who is given a link, to what, and for how long."""

from datetime import timedelta
from uuid import UUID

import pytest
from services.delivery.tests.fakes import MemoryIndex
from services.delivery.tests.media import MEMBER, OWNER, STRANGER, an_asset, tokens

from common.access import Viewer
from common.ids import new_asset_id
from common.testing.clock import ManualClock
from common.tokens import viewer_of
from delivery.domain.errors import MediaGone, MediaNotFound, NotConfigured, TierMissing, UnknownTier
from delivery.domain.media import GoneAsset
from delivery.usecases.issue_link import IssueLink, Link, LinkPolicy
from delivery.usecases.refresh_links import RefreshLinks

TTL = timedelta(seconds=600)
OPERATOR_VIEWER = Viewer(STRANGER, admin=True)


class Desk:
    """The use case with its index and clock."""

    def __init__(self, base: str = "") -> None:
        self.clock = ManualClock()
        self.index = MemoryIndex(self.clock)
        self.tokens = tokens()
        self.issue = IssueLink(self.index, self.tokens, self.clock, LinkPolicy(TTL, base, "medium"))

    def viewer_in(self, link: Link) -> bytes | None:
        path, _, token = link.url.partition("?t=")
        key = path.rpartition("/m/")[2]
        return self.tokens.verify(token, key, now=self.clock.now()).viewer


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_the_owner_gets_a_private_link_to_the_default_tier(desk: Desk) -> None:
    asset = an_asset()
    desk.index.know(asset)
    link = await desk.issue(Viewer(OWNER), asset.asset_id, None)
    assert (link.tier, link.content_type, link.size) == ("mp3-192", "audio/mpeg", 1000)
    assert (link.etag, link.duration) == ('"etag-mp3-192"', 12.5)
    assert link.expires_at == desk.clock.now() + TTL
    assert link.url.startswith(f"/m/{asset.objects[1].key}?t=v1.p1.priv.1.")
    assert desk.viewer_in(link) == viewer_of(OWNER)


async def test_a_public_link_is_the_same_for_everybody_for_ever(desk: Desk) -> None:
    asset = an_asset(visibility="public")
    desk.index.know(asset)
    first = await desk.issue(Viewer(OWNER), asset.asset_id, None)
    elsewhere = Desk()
    elsewhere.clock.advance(86400 * 365)
    elsewhere.index.know(asset)
    second = await elsewhere.issue(Viewer(STRANGER), asset.asset_id, None)
    assert first == second
    assert first.expires_at is None


async def test_each_private_link_lives_from_the_moment_it_is_asked_for(desk: Desk) -> None:
    asset = an_asset()
    desk.index.know(asset)
    first = await desk.issue(Viewer(OWNER), asset.asset_id, None)
    desk.clock.advance(1)
    second = await desk.issue(Viewer(OWNER), asset.asset_id, None)
    assert first.url != second.url
    assert first.etag == second.etag


@pytest.mark.parametrize(
    ("viewer", "visibility", "let_in"),
    [
        (Viewer(OWNER), "owner", True),
        (OPERATOR_VIEWER, "owner", True),
        (Viewer(MEMBER), "owner", False),
        (Viewer(STRANGER), "owner", False),
        (Viewer(None), "owner", False),
        (Viewer(OWNER), "circle", True),
        (Viewer(MEMBER), "circle", True),
        (Viewer(STRANGER), "circle", False),
        (OPERATOR_VIEWER, "circle", True),
        (Viewer(STRANGER), "public", True),
    ],
)
async def test_only_those_who_may_view_are_given_a_link(
    desk: Desk, viewer: Viewer, visibility: str, let_in: bool
) -> None:
    asset = an_asset(visibility=visibility, members=(MEMBER,))
    desk.index.know(asset)
    if let_in:
        assert (await desk.issue(viewer, asset.asset_id, None)).tier == "mp3-192"
        assert (await desk.issue.for_key(viewer, asset.objects[1].key)).tier == "mp3-192"
        return
    with pytest.raises(MediaNotFound):
        await desk.issue(viewer, asset.asset_id, None)
    with pytest.raises(MediaNotFound):
        await desk.issue.for_key(viewer, asset.objects[1].key)


async def test_an_operators_link_says_which_operator_looks(desk: Desk) -> None:
    asset = an_asset()
    desk.index.know(asset)
    link = await desk.issue(OPERATOR_VIEWER, asset.asset_id, None)
    named = bytearray(desk.viewer_in(link) or b"")
    assert named[6] >> 4 == 0xF
    named[6] = named[6] & 0x0F | viewer_of(STRANGER)[6] & 0xF0
    assert bytes(named) == viewer_of(STRANGER)


async def test_an_operators_link_to_own_media_names_the_operator_as_its_owner(desk: Desk) -> None:
    asset = an_asset()
    desk.index.know(asset)
    link = await desk.issue(Viewer(OWNER, admin=True), asset.asset_id, None)
    assert desk.viewer_in(link) == viewer_of(OWNER)


@pytest.mark.req("DLV-45")
async def test_links_are_relative_or_begin_with_the_base(desk: Desk) -> None:
    asset = an_asset()
    desk.index.know(asset)
    assert (await desk.issue(Viewer(OWNER), asset.asset_id, None)).url.startswith("/m/u/")
    based = Desk("https://media.example.org")
    based.index.know(asset)
    link = await based.issue(Viewer(OWNER), asset.asset_id, None)
    assert link.url.startswith("https://media.example.org/m/u/")


async def test_an_unknown_tier_is_an_error_and_a_missing_one_is_not_found(desk: Desk) -> None:
    asset = an_asset()
    desk.index.know(asset)
    with pytest.raises(UnknownTier):
        await desk.issue(Viewer(OWNER), asset.asset_id, "ultra")
    with pytest.raises(TierMissing):
        await desk.issue(Viewer(OWNER), asset.asset_id, "mp3-320")
    assert not desk.index.waits


async def test_the_original_that_may_never_be_streamed_is_for_its_owner_alone(desk: Desk) -> None:
    asset = an_asset(visibility="public", original_policy="never")
    desk.index.know(asset)
    assert (await desk.issue(Viewer(OWNER), asset.asset_id, "original")).tier == "original"
    with pytest.raises(TierMissing):
        await desk.issue(Viewer(STRANGER), asset.asset_id, "original")
    with pytest.raises(MediaNotFound):
        await desk.issue.for_key(Viewer(STRANGER), asset.objects[0].key)


async def test_a_link_asked_for_before_the_record_arrives_waits_for_it(desk: Desk) -> None:
    asset = an_asset()
    desk.index.arrives = lambda: desk.index.know(asset)
    assert (await desk.issue(Viewer(OWNER), asset.asset_id, None)).tier == "mp3-192"


async def test_a_tier_asked_for_before_it_is_ready_waits_for_it(desk: Desk) -> None:
    early = an_asset(state="processing", renditions=("original",))
    desk.index.know(early)
    desk.index.arrives = lambda: desk.index.know(an_asset(asset_id=early.asset_id))
    assert (await desk.issue(Viewer(OWNER), early.asset_id, "mp3-192")).tier == "mp3-192"


async def test_hidden_and_unknown_media_take_the_same_time_to_refuse(desk: Desk) -> None:
    hidden = an_asset()
    desk.index.know(hidden)
    waited: list[float] = []
    for asset_id in (hidden.asset_id, new_asset_id()):
        started = desk.clock.monotonic()
        with pytest.raises(MediaNotFound):
            await desk.issue(Viewer(STRANGER), asset_id, None)
        waited.append(round(desk.clock.monotonic() - started, 3))
    assert waited == [2.0, 2.0]


async def test_deleted_media_is_gone_for_its_owner_and_unknown_to_others(desk: Desk) -> None:
    asset = an_asset(visibility="public", state="deleted")
    desk.index.know(asset)
    for viewer in (Viewer(OWNER), OPERATOR_VIEWER):
        with pytest.raises(MediaGone):
            await desk.issue(viewer, asset.asset_id, None)
    with pytest.raises(MediaNotFound):
        await desk.issue(Viewer(STRANGER), asset.asset_id, None)


async def test_purged_media_is_gone_for_operators_and_unknown_to_others(desk: Desk) -> None:
    asset_id: UUID = new_asset_id()
    desk.index.entries[asset_id] = GoneAsset(asset_id)
    with pytest.raises(MediaGone):
        await desk.issue(OPERATOR_VIEWER, asset_id, None)
    with pytest.raises(MediaNotFound):
        await desk.issue(Viewer(OWNER), asset_id, None)


async def test_without_key_rings_no_link_is_made(desk: Desk) -> None:
    asset = an_asset()
    desk.index.know(asset)
    closed = IssueLink(desk.index, None, desk.clock, desk.issue.policy)
    with pytest.raises(NotConfigured):
        await closed(Viewer(OWNER), asset.asset_id, None)


async def test_refresh_answers_each_item_alone_and_waits_for_none(desk: Desk) -> None:
    mine, foreign = an_asset(), an_asset(visibility="circle")
    desk.index.know(mine, foreign)
    refresh = RefreshLinks(desk.issue)
    keys = [mine.objects[1].key, "nonsense", f"u/{new_asset_id()}/original-00.flac"]
    items = await refresh(
        Viewer(OWNER), keys=keys, assets=[foreign.asset_id, new_asset_id()], tier="low"
    )
    assert [item.refusal.code if item.refusal else None for item in items] == [
        None, "not_found", "not_found", None, "not_found",
    ]  # fmt: skip
    assert [item.asked for item in items[:3]] == keys
    assert not desk.index.waits
