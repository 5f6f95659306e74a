"""What files say of themselves survives a lost log, and is taken back as it was the first time."""

from pathlib import Path

import pytest
from services.transcoder.tests import media
from services.transcoder.tests.integration.real_world import RealWorld
from sqlalchemy import text

from common.events import AssetPurged, MediaDetails
from common.events.topics import DETAILS
from common.ids import AssetId
from common.postgres import republishing
from transcoder.commands.republish import REPUBLISHING
from transcoder.domain.claim import PROBE

pytestmark = pytest.mark.integration

FORGOTTEN = text("UPDATE processing SET details = NULL")  # as before the column


async def probed(world: RealWorld, file: Path) -> AssetId:
    request = await world.uploaded(file, kind="audio", content_type="audio/flac")
    await world.heard(request)
    await world.work([PROBE])
    return AssetId(request.asset_id)


async def told_again(world: RealWorld) -> int:
    run = await republishing.begin(world.database, "ops", log="one", restart=False)
    async with world.database.read() as session:
        expected = await REPUBLISHING.count(session, None)
    told = 0
    while (count := await republishing.advance(world.database, REPUBLISHING, run)) is not None:
        told += count
    assert told == expected
    return told


async def details(world: RealWorld) -> list[tuple[int, bytes | None]]:
    sql = "SELECT sequence, payload FROM outbox WHERE topic = :topic ORDER BY position"
    rows = await world.rows(sql, topic=DETAILS.name)
    return [(row["sequence"], row["payload"]) for row in rows]


async def test_details_are_said_again_and_still_taken_back(world: RealWorld, flac: Path) -> None:
    asset_id = await probed(world, flac)
    assert await told_again(world) == 1
    (first, payload), (second, again) = await details(world)
    assert (first, second) == (1, 2)
    assert payload is not None
    assert again is not None
    said = MediaDetails.model_validate_json(again)
    assert said == MediaDetails.model_validate_json(payload)
    assert said.tags["title"] == media.CANARY
    await world.heard(AssetPurged(asset_id=asset_id, reason="deleted", objects=3))
    assert (await details(world))[-1] == (3, None)


async def test_details_that_were_taken_back_are_taken_back_again(
    world: RealWorld, flac: Path
) -> None:
    asset_id = await probed(world, flac)
    await world.heard(AssetPurged(asset_id=asset_id, reason="deleted", objects=3))
    assert await told_again(world) == 1
    assert (await details(world))[-1] == (3, None)


async def test_a_record_that_was_kept_nowhere_is_left_to_those_who_have_it(
    world: RealWorld, flac: Path
) -> None:
    await probed(world, flac)
    async with world.database.write() as session:
        await session.execute(FORGOTTEN)
    assert await told_again(world) == 0
