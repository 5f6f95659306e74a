"""Who gets which answer at `/m/`: the token and status table of design §4."""

from datetime import timedelta
from uuid import UUID

import pytest
from services.delivery.tests.fakes import MemoryIndex
from services.delivery.tests.media import MEMBER, OWNER, STRANGER, an_asset, tokens

from common.access import Viewer
from common.errors import RepriseError
from common.ids import new_asset_id
from common.testing.clock import ManualClock
from common.tokens import KeyRing, MediaTokens, TokenExpired, TokenRestricted
from delivery.domain.admission import token_viewer
from delivery.domain.byte_range import ByteRange
from delivery.domain.errors import (
    IndexTooOld,
    MediaGone,
    MediaNotFound,
    NotConfigured,
    NotUnderstood,
    NotYetIndexed,
)
from delivery.domain.media import Asset, DeniedAsset, GoneAsset
from delivery.usecases.serve_media import MediaAnswer, MediaRequest, ServeMedia

MAX_AGE = timedelta(hours=12)


class Edge:
    """The use case with its index and clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.index = MemoryIndex(self.clock)
        self.tokens = tokens()
        self.serve = ServeMedia(self.index, self.tokens, self.clock, MAX_AGE)

    def public(self, key: str, generation: int = 1) -> str:
        return self.tokens.public(key, generation=generation)

    def private(self, key: str, viewer: UUID = OWNER, generation: int = 1) -> str:
        until = self.clock.now() + timedelta(minutes=10)
        return self.tokens.private(key, generation=generation, viewer=viewer, expires_at=until)

    async def get(
        self, key: str, token: str | None, method: str = "GET", **headers: str
    ) -> MediaAnswer:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.serve(MediaRequest(key, token, method, fields))


@pytest.fixture
def edge() -> Edge:
    return Edge()


def known(edge: Edge, visibility: str = "owner", **fields: object) -> tuple[Asset, str]:
    asset = an_asset(visibility=visibility, **fields)  # type: ignore[arg-type]
    edge.index.know(asset)
    return asset, asset.objects[0].key


async def test_a_public_token_gets_the_whole_file(edge: Edge) -> None:
    _, key = known(edge, "public")
    answer = await edge.get(key, edge.public(key))
    assert (answer.status, answer.mode, answer.media.key) == (200, "pub", key)


async def test_a_private_token_gets_the_whole_file_for_its_viewer(edge: Edge) -> None:
    _, key = known(edge)
    answer = await edge.get(key, edge.private(key))
    assert (answer.status, answer.mode) == (200, "priv")


@pytest.mark.parametrize("token", [None, "", "garbage", "v1.q1.pub.1.AAAA", "v1..pub.1.", "." * 9])
async def test_a_missing_or_garbled_token_is_restricted(edge: Edge, token: str | None) -> None:
    _, key = known(edge, "public")
    with pytest.raises(TokenRestricted) as refused:
        await edge.get(key, token)
    assert refused.value.code == "restricted"


async def test_a_token_opens_only_the_key_it_was_made_for(edge: Edge) -> None:
    asset, key = known(edge, "public")
    with pytest.raises(TokenRestricted):
        await edge.get(asset.objects[1].key, edge.public(key))


async def test_no_letter_of_a_token_can_be_changed(edge: Edge) -> None:
    _, key = known(edge)
    token = edge.private(key)
    for at, letter in enumerate(token):
        changed = token[:at] + ("A" if letter != "A" else "B") + token[at + 1 :]
        with pytest.raises(TokenRestricted):
            await edge.get(key, changed)


@pytest.mark.req("DLV-38")
async def test_clocks_may_differ_by_a_minute_and_no_more(edge: Edge) -> None:
    _, key = known(edge)
    expiry = edge.clock.now() + timedelta(minutes=10)
    token = edge.private(key)
    for skew, let_in in ((-660, True), (-60, True), (0, True), (59, True), (60, False)):
        here = ManualClock(expiry + timedelta(seconds=skew))
        edge.index.fresh = here.now()
        skewed = ServeMedia(edge.index, edge.tokens, here, MAX_AGE)
        request = MediaRequest(key, token, "GET", {})
        if let_in:
            assert (await skewed(request)).status == 200
            continue
        with pytest.raises(TokenExpired) as refused:
            await skewed(request)
        assert refused.value.code == "expired"


async def test_public_tokens_do_not_expire(edge: Edge) -> None:
    _, key = known(edge, "public")
    token = edge.public(key)
    edge.clock.advance(10 * 365 * 86400)
    assert (await edge.get(key, token)).status == 200


async def test_without_key_rings_nothing_is_served(edge: Edge) -> None:
    _, key = known(edge, "public")
    closed = ServeMedia(edge.index, None, edge.clock, MAX_AGE)
    with pytest.raises(NotConfigured) as refused:
        await closed(MediaRequest(key, edge.public(key), "GET", {}))
    assert refused.value.code == "not_configured"


@pytest.mark.parametrize("state", ["deleted", "purging", "purged", "failed", "abandoned"])
@pytest.mark.parametrize("visibility", ["public", "owner"])
async def test_media_that_is_not_living_is_gone(edge: Edge, state: str, visibility: str) -> None:
    _, key = known(edge, visibility, state=state)
    token = edge.public(key) if visibility == "public" else edge.private(key)
    with pytest.raises(MediaGone):
        await edge.get(key, token)


async def test_an_older_generation_is_gone(edge: Edge) -> None:
    _, key = known(edge, "public", generation=3)
    with pytest.raises(MediaGone):
        await edge.get(key, edge.public(key, generation=2))
    assert (await edge.get(key, edge.public(key, generation=3))).status == 200


async def test_a_tombstone_makes_every_key_gone(edge: Edge) -> None:
    asset, key = known(edge, "public")
    edge.index.entries[asset.asset_id] = GoneAsset(asset.asset_id)
    with pytest.raises(MediaGone):
        await edge.get(key, edge.public(key))


async def test_a_record_for_newer_readers_denies_the_asset(edge: Edge) -> None:
    asset, key = known(edge, "public")
    edge.index.entries[asset.asset_id] = DeniedAsset(asset.asset_id, "requires")
    with pytest.raises(NotUnderstood):
        await edge.get(key, edge.public(key))


async def test_a_public_token_ends_when_the_media_is_public_no_more(edge: Edge) -> None:
    _, key = known(edge, "owner")
    with pytest.raises(MediaGone):
        await edge.get(key, edge.public(key))


async def test_members_of_the_circle_are_let_in_and_nobody_else(edge: Edge) -> None:
    _, key = known(edge, "circle", members=(MEMBER,))
    assert (await edge.get(key, edge.private(key, MEMBER))).status == 200
    assert (await edge.get(key, edge.private(key, OWNER))).status == 200
    with pytest.raises(MediaGone):
        await edge.get(key, edge.private(key, STRANGER))


async def test_a_removed_member_is_refused_with_the_token_that_worked_before(edge: Edge) -> None:
    asset, key = known(edge, "circle", members=(MEMBER,))
    token = edge.private(key, MEMBER)
    assert (await edge.get(key, token, range="bytes=0-9")).status == 206
    edge.index.know(an_asset(asset_id=asset.asset_id, visibility="circle", members=()))
    with pytest.raises(MediaGone):
        await edge.get(key, token, range="bytes=10-19")


async def test_the_operators_token_opens_media_of_others(edge: Edge) -> None:
    asset, key = known(edge)
    operator = token_viewer(asset, Viewer(STRANGER, admin=True))
    assert (await edge.get(key, edge.private(key, operator))).status == 200
    for nobody in (UUID(int=0), STRANGER):
        with pytest.raises(MediaGone):
            await edge.get(key, edge.private(key, nobody))


@pytest.mark.req("SEC-10")
@pytest.mark.parametrize(
    "key", ["x", "staging/a/b", "u/", "u/../etc/passwd", "U/0/x", "private/original-1.flac", ""]
)
async def test_a_key_that_is_not_of_our_form_never_existed(edge: Edge, key: str) -> None:
    with pytest.raises(MediaNotFound) as refused:
        await edge.get(key, edge.public(key))
    assert refused.value.shared
    assert not edge.index.waits


async def test_a_living_asset_without_that_key_says_not_found(edge: Edge) -> None:
    asset, _ = known(edge, "public")
    key = f"u/{asset.asset_id}/mp3-320-0000000000000000.mp3"
    with pytest.raises(MediaNotFound):
        await edge.get(key, edge.public(key))


async def test_a_right_token_for_an_unknown_asset_waits_two_seconds_and_then_says_try_again(
    edge: Edge,
) -> None:
    key = f"u/{new_asset_id()}/original-0000000000000000.mp3"
    started = edge.clock.monotonic()
    with pytest.raises(NotYetIndexed) as refused:
        await edge.get(key, edge.public(key))
    assert edge.clock.monotonic() - started == pytest.approx(2.0)
    assert refused.value.retry_after == 1


async def test_a_token_newer_than_the_index_waits_for_its_record(edge: Edge) -> None:
    asset, key = known(edge, "public", generation=1)
    newer = an_asset(asset_id=asset.asset_id, visibility="public", generation=2)
    edge.index.arrives = lambda: edge.index.know(newer)
    assert (await edge.get(key, edge.public(key, generation=2))).status == 200
    assert edge.index.waits == 1


@pytest.mark.parametrize("fresh", [None, timedelta(hours=12, seconds=1)])
async def test_an_index_that_is_too_old_refuses_private_and_serves_public_media(
    edge: Edge, fresh: timedelta | None
) -> None:
    _, private_key = known(edge)
    _, public_key = known(edge, "public")
    edge.index.fresh = edge.clock.now() - fresh if fresh else None
    with pytest.raises(IndexTooOld):
        await edge.get(private_key, edge.private(private_key))
    assert (await edge.get(public_key, edge.public(public_key))).status == 200


async def test_a_node_that_never_heard_the_catalog_waits_for_it_a_little(edge: Edge) -> None:
    _, key = known(edge)
    edge.index.fresh = None

    def hear() -> None:
        edge.index.fresh = edge.clock.now()

    edge.index.arrives = hear
    assert (await edge.get(key, edge.private(key))).status == 200


async def test_an_index_within_its_age_serves_private_media(edge: Edge) -> None:
    _, key = known(edge)
    edge.index.fresh = edge.clock.now() - MAX_AGE
    assert (await edge.get(key, edge.private(key))).status == 200


async def test_ranges_are_planned_for_get_and_ignored_for_head(edge: Edge) -> None:
    _, key = known(edge, "public")
    token = edge.public(key)
    part = await edge.get(key, token, range="bytes=0-9")
    assert (part.status, part.ranges) == (206, (ByteRange(0, 9),))
    whole = await edge.get(key, token, "HEAD", range="bytes=0-9")
    assert (whole.status, whole.ranges) == (200, ())
    assert (await edge.get(key, token, range="bytes=1000-")).status == 416
    assert (await edge.get(key, token, "HEAD", range="bytes=1000-")).status == 200


async def test_if_none_match_is_asked_before_range(edge: Edge) -> None:
    asset, key = known(edge, "public")
    tag = f'W/"{asset.objects[0].etag}"'
    answer = await edge.get(key, edge.public(key), range="bytes=0-9", if_none_match=tag)
    assert answer.status == 304


async def test_if_range_decides_between_the_part_and_the_whole(edge: Edge) -> None:
    asset, key = known(edge, "public")
    tag = f'"{asset.objects[0].etag}"'
    for given, status in ((tag, 206), (f"W/{tag}", 200), ('"other"', 200)):
        answer = await edge.get(key, edge.public(key), range="bytes=0-9", if_range=given)
        assert answer.status == status


async def test_a_rotated_key_verifies_until_it_is_taken_out(edge: Edge) -> None:
    _, key = known(edge, "public")
    old = edge.public(key)
    _, _, secret = "q1:" + "public-secret-of-the-tests-" * 2, "", "another-secret-" * 4
    rotated = KeyRing.parse(f"q2:{secret},q1:{'public-secret-of-the-tests-' * 2}")
    private = KeyRing.parse("p1:" + "x" * 40)
    both = ServeMedia(edge.index, MediaTokens(private, rotated), edge.clock, MAX_AGE)
    assert (await both(MediaRequest(key, old, "GET", {}))).status == 200
    only_new = MediaTokens(private, KeyRing.parse(f"q2:{secret}"))
    with pytest.raises(RepriseError):
        await ServeMedia(edge.index, only_new, edge.clock, MAX_AGE)(
            MediaRequest(key, old, "GET", {})
        )
