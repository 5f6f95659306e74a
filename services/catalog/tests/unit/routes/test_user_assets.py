import pytest
from services.catalog.tests.api import Api, code_of
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story

from common.ids import new_asset_id

BASE = "/api/v1/user/assets"


@pytest.fixture
def api() -> Api:
    catalog = MemoryCatalog()
    return Api(catalog, catalog)


async def ready(api: Api) -> Story:
    story = Story(owner=api.owner_id)
    await api.ways_in.hear(story.to_ready(), story.named("song.flac"), story.tagged(title="Song"))
    return story


async def test_an_owner_reads_the_whole_document(api: Api) -> None:
    story = await ready(api)
    answer = await api.owner.get(f"{BASE}/{story.asset_id}")
    assert answer.status_code == 200
    body = answer.json()
    assert body["asset_id"] == str(story.asset_id)
    assert body["upload_id"] == str(story.upload_id)
    assert (body["state"], body["reason"], body["kind"]) == ("ready", None, "audio")
    assert (body["file_name"], body["tags"]) == ("song.flac", {"title": "Song"})
    assert (body["size"], body["sha256"], body["content_type"]) == (
        1000,
        story.sha256,
        "audio/flac",
    )
    assert (body["duration"], body["generation"], body["visibility"]) == (240.0, 1, "owner")
    assert body["run"] == str(story.run())
    assert answer.headers["etag"].startswith('"g1-v')
    assert answer.headers["cache-control"] == "no-store"
    tiers = {item["name"]: item for item in body["renditions"]}
    assert tiers.keys() == {"mp3-192", "aac-128"}
    tier = tiers["mp3-192"]
    assert (tier["state"], tier["required"], tier["codec"]) == ("ready", True, "mp3")
    assert (tier["size"], tier["bit_rate"], tier["content_type"]) == (500, 192_000, "audio/mpeg")
    assert tier["key"].startswith(f"u/{story.asset_id}/mp3-192-")


async def test_planned_and_failed_renditions_are_shown_with_their_state(api: Api) -> None:
    story = Story(owner=api.owner_id)
    await api.ways_in.hear(
        story.started(), story.completed(), story.probed(), story.failed("aac-128", "too_long")
    )
    body = (await api.owner.get(f"{BASE}/{story.asset_id}")).json()
    states = {item["name"]: (item["state"], item["reason"]) for item in body["renditions"]}
    assert states == {"mp3-192": ("planned", None), "aac-128": ("failed", "too_long")}


async def test_a_tier_of_an_earlier_run_is_shown_until_the_current_one_made_it(api: Api) -> None:
    story = Story(owner=api.owner_id)
    double = Story(owner=api.owner_id, sha256=story.sha256)
    await api.ways_in.hear(
        story.started(), story.completed(), story.probed(), story.ready("aac-128"),
        story.failed("mp3-192"), double.started(), double.completed(), story.probed(run=2),
    )  # fmt: skip
    body = (await api.owner.get(f"{BASE}/{story.asset_id}")).json()
    states = {item["name"]: item["state"] for item in body["renditions"]}
    assert (body["state"], body["run"]) == ("processing", str(story.run(2)))
    assert states == {"mp3-192": "planned", "aac-128": "ready"}


async def test_a_stranger_never_learns_of_an_asset(api: Api) -> None:
    story = await ready(api)
    for _ in range(2):
        assert code_of(await api.stranger.get(f"{BASE}/{story.asset_id}")) == (404, "not_found")
        await api.ways_in.hear(story.withdrawn())
    assert (await api.stranger.get(BASE)).json() == {"items": [], "next_cursor": None}


async def test_somebody_without_a_token_is_asked_for_one(api: Api) -> None:
    story = await ready(api)
    for path in (BASE, f"{BASE}/{story.asset_id}"):
        assert code_of(await api.anonymous.get(path)) == (401, "unauthenticated")


async def test_an_operator_reads_every_asset(api: Api) -> None:
    story = await ready(api)
    await api.ways_in.hear(story.withdrawn())
    answer = await api.admin.get(f"{BASE}/{story.asset_id}")
    assert (answer.status_code, answer.json()["state"]) == (200, "deleted")


async def test_a_deleted_asset_is_gone_for_its_owner(api: Api) -> None:
    story = await ready(api)
    await api.ways_in.hear(story.withdrawn())
    assert code_of(await api.owner.get(f"{BASE}/{story.asset_id}")) == (410, "deleted")
    assert (await api.owner.get(BASE)).json()["items"] == []


async def test_an_owner_reads_why_an_upload_was_abandoned(api: Api) -> None:
    story = Story(owner=api.owner_id)
    await api.ways_in.hear(story.started(), story.rejected("not_media"))
    body = (await api.owner.get(f"{BASE}/{story.asset_id}")).json()
    assert (body["state"], body["reason"]) == ("abandoned", "not_media")


async def test_the_id_of_a_double_answers_with_the_asset_that_stands_for_it(api: Api) -> None:
    story = await ready(api)
    double = Story(owner=api.owner_id, sha256=story.sha256)
    await api.ways_in.hear(double.started(), double.completed())
    body = (await api.owner.get(f"{BASE}/{double.asset_id}")).json()
    assert body["asset_id"] == str(story.asset_id)
    assert code_of(await api.stranger.get(f"{BASE}/{double.asset_id}")) == (404, "not_found")


async def test_an_unknown_id_is_not_found_and_no_id_is_refused(api: Api) -> None:
    assert code_of(await api.owner.get(f"{BASE}/{new_asset_id()}")) == (404, "not_found")
    assert code_of(await api.owner.get(f"{BASE}/song.flac")) == (422, "invalid_request")


async def test_pages_follow_each_other_without_loss(api: Api) -> None:
    stories = [await ready(api) for _ in range(5)]
    seen, cursor, pages = [], None, 0
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        body = (await api.owner.get(BASE, params=params)).json()
        seen += [item["asset_id"] for item in body["items"]]
        cursor, pages = body["next_cursor"], pages + 1
        if cursor is None:
            break
    assert pages == 3
    assert seen == sorted((str(story.asset_id) for story in stories), reverse=True)


@pytest.mark.parametrize("cursor", ["x", "!!!!", "AAAA", "ä", ""])
async def test_a_cursor_of_somebody_elses_making_is_refused(api: Api, cursor: str) -> None:
    answer = await api.owner.get(BASE, params={"cursor": cursor})
    assert code_of(answer) == (400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "101", "many"])
async def test_a_limit_outside_its_bounds_is_refused(api: Api, limit: str) -> None:
    answer = await api.owner.get(BASE, params={"limit": limit})
    assert code_of(answer) == (422, "invalid_request")
