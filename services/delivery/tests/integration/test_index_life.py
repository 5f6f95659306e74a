"""How the index lives through kills, lost logs, silence of the catalog and a missing broker."""

from datetime import timedelta
from pathlib import Path

import pytest
from services.delivery.tests.integration.real_delivery import (
    OWNER_SUBJECT,
    RealDelivery,
    bearer,
    real_delivery,
)

from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


async def test_the_index_survives_kill_9_and_goes_on_from_its_offset(
    own: RealDelivery,
) -> None:
    first = await own.publish(visibility="public")
    assert await own.status(own.public_url(first)) == 200
    path = f"/api/v1/user/media/{first.asset_id}/url"
    link = (await own.http.get(path, headers=bearer(OWNER_SUBJECT))).json()
    await own.kill()
    second = await own.publish(visibility="public")
    await own.start()
    assert await own.status(own.public_url(first)) == 200
    assert await own.status(own.public_url(second)) == 200
    offsets = [line for line in read_log(own) if '"index.reading"' in line]
    assert '"offset": 0,' in offsets[0]
    assert '"offset": 0,' not in offsets[1]
    # the same token again, from another process
    again = (await own.http.get(path, headers=bearer(OWNER_SUBJECT))).json()
    assert again["url"] == link["url"]


def read_log(own: RealDelivery) -> list[str]:
    return (own.folder / "log").read_text().splitlines()


@pytest.mark.req("DLV-04")
async def test_public_tokens_are_the_same_in_every_process(
    infra: Stack, tmp_path: Path, own: RealDelivery
) -> None:
    asset = await own.publish(visibility="public")
    path = f"/api/v1/user/media/{asset.asset_id}/url"
    urls = {(await own.http.get(path, headers=bearer(OWNER_SUBJECT))).json()["url"]}
    await own.kill()
    await own.start()
    urls.add((await own.http.get(path, headers=bearer("stranger@example.org"))).json()["url"])
    (tmp_path / "other").mkdir()
    async with real_delivery(infra, tmp_path / "other") as other:
        await other.start()
        await other.log.tell(asset)
        answer = await other.http.get(path, headers=bearer(OWNER_SUBJECT))
        urls.add(answer.json()["url"])
    assert len(urls) == 1


async def test_another_epoch_refills_the_index(own: RealDelivery) -> None:
    kept = await own.publish(visibility="public")
    lost = await own.publish(visibility="public")
    assert await own.status(own.public_url(lost)) == 200
    await own.kill()
    # a broker that lost everything: the topic begins again, with another epoch
    fresh = type(own.log)(own.log.settings)
    await fresh.create()
    await fresh.tell(kept)
    own.log = fresh
    await own.start()
    await own.eventually(
        lambda: own.has_status(own.public_url(lost), 410),
        "what was not told again is gone",
    )
    assert await own.status(own.public_url(kept)) == 200
    assert '"offset": 0,' in [line for line in read_log(own) if "index.reading" in line][-1]


async def test_private_media_needs_an_index_that_is_young_enough(
    infra: Stack, tmp_path: Path
) -> None:
    async with real_delivery(infra, tmp_path, REPRISE_INDEX_MAX_AGE="5") as own:
        await own.start()
        private, public = await own.publish(), await own.publish(visibility="public")
        url = own.private_url(private)
        await own.eventually(lambda: own.has_status(url, 503), "the index gets old")
        answer = await own.http.get(url)
        assert answer.json()["code"] == "index_too_old"
        await own.log.mark(timedelta(hours=1))
        assert await own.status(url) == 503
        assert await own.status(own.public_url(public)) == 200
        await own.log.mark()
        await own.eventually(lambda: own.has_status(url, 200), "the catalog is heard again")


@pytest.mark.req("DLV-40")
@pytest.mark.parametrize("missing", ["MEDIA_TOKEN_SECRET", "REPRISE_PUBLIC_TOKEN_SECRET"])
async def test_without_a_secret_it_starts_and_serves_nothing(
    infra: Stack, tmp_path: Path, missing: str
) -> None:
    async with real_delivery(infra, tmp_path, **{missing: ""}) as own:
        await own.start(until="/livez")
        asset = await own.publish(visibility="public")
        for url in (own.public_url(asset), own.private_url(asset), "/m/x"):
            answer = await own.http.get(url)
            assert (answer.status_code, answer.json()["code"]) == (503, "not_configured")
        ready = await own.http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["secret"]["reason"] == "not_configured"


async def test_it_serves_on_while_kafka_is_down_and_after_a_restart_without_it(
    infra: Stack, own: RealDelivery
) -> None:
    public, private = await own.publish(visibility="public"), await own.publish()
    assert await own.status(own.public_url(public)) == 200
    await own.eventually(
        lambda: own.has_status(own.private_url(private), 200),
        "the watermark should count",
    )
    infra.stop_process("kafka")
    try:
        assert await own.status(own.public_url(public)) == 200
        assert await own.status(own.private_url(private)) == 200
        assert await own.status("/readyz") == 200
        await own.kill()
        await own.start()
        assert await own.status(own.public_url(public)) == 200
        assert await own.status(own.private_url(private)) == 200
    finally:
        infra.start_process("kafka")
    late = await own.publish(visibility="public")
    await own.eventually(
        lambda: own.has_status(own.public_url(late), 200), "it should catch up", within=30
    )
