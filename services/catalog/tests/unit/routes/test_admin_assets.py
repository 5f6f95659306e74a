import pytest
from services.catalog.tests.api import Api, code_of
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.story import Story, some_sha256

from catalog.bootstrap import describe
from common.ids import new_asset_id
from common.web.app import openapi_of

BASE = "/api/v1/admin/assets"


@pytest.fixture
def api() -> Api:
    catalog = MemoryCatalog()
    return Api(catalog, catalog)


async def ready(api: Api, sha256: str | None = None) -> Story:
    story = Story(owner=api.owner_id, sha256=sha256)
    await api.ways_in.hear(story.to_ready())
    return story


CALLS = [
    ("GET", BASE),
    ("GET", BASE + "/{id}"),
    ("DELETE", BASE + "/{id}"),
    ("POST", BASE + "/{id}/restore"),
    ("POST", BASE + "/lookup"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_only_operators_come_in(api: Api, method: str, path: str) -> None:
    story = await ready(api)
    url = path.format(id=story.asset_id)
    body = {"sha256": [story.sha256]} if path.endswith("lookup") else None
    assert code_of(await api.anonymous.request(method, url, json=body)) == (401, "unauthenticated")
    for client in (api.owner, api.stranger):
        assert code_of(await client.request(method, url, json=body)) == (403, "admin_only")
    assert (await api.admin.request(method, url, json=body)).status_code == 200


@pytest.mark.req("CAT-24")
async def test_an_operator_deletes_and_restores_and_nothing_is_destroyed(api: Api) -> None:
    story = await ready(api)
    mine = f"/api/v1/user/assets/{story.asset_id}"
    before = (await api.owner.get(mine)).json()
    deleted = await api.admin.delete(f"{BASE}/{story.asset_id}")
    assert (deleted.status_code, deleted.json()["state"]) == (200, "deleted")
    assert deleted.json()["restorable_until"] > deleted.json()["deleted_at"]
    assert (await api.owner.get(mine)).status_code == 410
    assert (await api.stranger.get(mine)).status_code == 404
    assert (await api.owner.get("/api/v1/user/assets")).json()["items"] == []
    back = await api.admin.post(f"{BASE}/{story.asset_id}/restore")
    assert (back.status_code, back.json()["state"]) == (200, "ready")
    assert (await api.owner.get(mine)).json() == before | {"generation": 3}


async def test_restore_says_which_asset_has_the_same_bytes(api: Api) -> None:
    first = await ready(api)
    await api.admin.delete(f"{BASE}/{first.asset_id}")
    second = await ready(api, first.sha256)
    answer = await api.admin.post(f"{BASE}/{first.asset_id}/restore")
    assert code_of(answer) == (409, "duplicate_of")
    assert answer.json()["duplicate_of"] == str(second.asset_id)


async def test_a_purged_asset_is_gone_for_commands_and_still_described(api: Api) -> None:
    story = await ready(api)
    await api.ways_in.hear(story.flagged(), story.purged())
    assert code_of(await api.admin.delete(f"{BASE}/{story.asset_id}")) == (410, "purged")
    answer = await api.admin.post(f"{BASE}/{story.asset_id}/restore")
    assert code_of(answer) == (410, "purged")
    body = (await api.admin.get(f"{BASE}/{story.asset_id}")).json()
    assert (body["state"], body["reason"]) == ("purged", "flagged")
    assert body["user_id"] == str(api.owner_id)


async def test_a_command_holds_only_for_the_version_that_was_read(api: Api) -> None:
    story = await ready(api)
    url = f"{BASE}/{story.asset_id}"
    etag = (await api.admin.get(url)).headers["etag"]
    deleted = await api.admin.delete(url, headers={"If-Match": etag})
    assert deleted.status_code == 200
    assert deleted.headers["etag"] != etag
    answer = await api.admin.post(f"{url}/restore", headers={"If-Match": etag})
    assert code_of(answer) == (412, "version_mismatch")
    current = deleted.headers["etag"]
    restored = await api.admin.post(f"{url}/restore", headers={"If-Match": current})
    assert (restored.status_code, restored.json()["state"]) == (200, "ready")
    assert (await api.admin.delete(url, headers={"If-Match": "*"})).status_code == 200


@pytest.mark.parametrize("etag", ['"1"', "g1-v1", 'W/"g1-v1"', "x"])
async def test_a_tag_of_somebody_elses_making_is_refused(api: Api, etag: str) -> None:
    story = await ready(api)
    answer = await api.admin.delete(f"{BASE}/{story.asset_id}", headers={"If-Match": etag})
    assert code_of(answer) == (400, "invalid_etag")


async def test_unknown_ids_are_not_found(api: Api) -> None:
    url = f"{BASE}/{new_asset_id()}"
    assert code_of(await api.admin.get(url)) == (404, "not_found")
    assert code_of(await api.admin.delete(url)) == (404, "not_found")
    assert code_of(await api.admin.post(f"{url}/restore")) == (404, "not_found")


async def test_lists_choose_by_state_and_owner(api: Api) -> None:
    kept, deleted, theirs = await ready(api), await ready(api), Story()
    await api.ways_in.hear(theirs.to_ready(), deleted.withdrawn())

    async def ids(**params: str) -> set[str]:
        body = (await api.admin.get(BASE, params=params)).json()
        return {item["asset_id"] for item in body["items"]}

    everything = {str(story.asset_id) for story in (kept, deleted, theirs)}
    assert await ids() == everything
    assert await ids(state="deleted") == {str(deleted.asset_id)}
    owned = {str(kept.asset_id), str(deleted.asset_id)}
    assert await ids(user_id=str(api.owner_id)) == owned
    assert await ids(user_id=str(theirs.owner), state="ready") == {str(theirs.asset_id)}


async def test_lookup_answers_for_the_own_library_in_the_order_asked(api: Api) -> None:
    mine, theirs, unknown = Story(owner=api.admin_id), await ready(api), some_sha256()
    await api.ways_in.hear(mine.to_ready())
    asked = [unknown, mine.sha256, theirs.sha256, mine.sha256]
    answer = await api.admin.post(f"{BASE}/lookup", json={"sha256": asked})
    found = [(item["sha256"], item["asset_id"]) for item in answer.json()["items"]]
    own = str(mine.asset_id)
    assert found == [(unknown, None), (asked[1], own), (asked[2], None), (asked[3], own)]


@pytest.mark.parametrize("asked", [[], ["x"], ["A" * 64], "no list"])
async def test_a_lookup_of_something_else_is_refused(api: Api, asked: object) -> None:
    answer = await api.admin.post(f"{BASE}/lookup", json={"sha256": asked})
    assert code_of(answer) == (422, "invalid_request")


def test_every_route_names_its_role_without_an_environment() -> None:
    roles = {
        (path.split("/")[3], operation["x-role"])
        for path, item in openapi_of(describe())["paths"].items()
        for operation in item.values()
    }
    assert roles == {("user", "user"), ("admin", "admin")}
