"""An index is rebuilt beside the live one and swapped in while requests are served and obeyed."""

import ast
import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from services.delivery.tests.integration.real_delivery import RealDelivery, real_delivery
from services.delivery.tests.media import an_asset
from tests.faults.deaths import witness

from common.clock import SystemClock
from delivery.adapters.asset_rows import to_row
from delivery.adapters.index_files import IndexFiles
from delivery.domain.media import Asset, Change
from devstack.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PROCESS = Path(__file__).with_name("rebuild_process.py")
MANY = 5_000  # more than two polls of the log


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        value: dict[str, Any] = ast.literal_eval(self.out)
        return value

    @property
    def compared(self) -> dict[str, Any]:
        found: dict[str, Any] = self.told["outcome"]["comparison"]
        return found


async def rebuild(own: RealDelivery, what: str = "swap", **environment: str) -> Ended:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROCESS),
        own.log.state.name,
        str(own.folder / "delivery"),
        what,
        env={"REPRISE_KAFKA_BOOTSTRAP": own.log.settings.bootstrap, "PATH": os.defpath}
        | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def files_of(own: RealDelivery) -> IndexFiles:
    return IndexFiles(own.folder / "delivery")


@dataclass
class Asking:
    """GETs of one URL, one after the other, for as long as the block lasts."""

    statuses: list[int] = field(default_factory=list)
    done: bool = False

    async def loop(self, own: RealDelivery, url: str) -> None:
        while not self.done:
            self.statuses.append(await own.status(url))


@asynccontextmanager
async def asking(own: RealDelivery, url: str) -> AsyncIterator[Asking]:
    asked = Asking()
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(asked.loop(own, url))
        try:
            yield asked
        finally:
            asked.done = True


async def obeyed_within(own: RealDelivery, url: str, status: int) -> float:
    clock = SystemClock()
    begun = clock.monotonic()
    await own.eventually(lambda: own.has_status(url, status), "a delete is obeyed", within=2.0)
    return clock.monotonic() - begun


async def test_a_swap_under_load_fails_no_request_and_deletes_are_obeyed(
    own: RealDelivery,
) -> None:
    kept = await own.publish(visibility="public")
    before = await own.publish(visibility="public")
    after = await own.publish(visibility="public")
    await own.log.tell(*(an_asset(visibility="public") for _ in range(MANY)))
    assert await own.status(own.public_url(before)) == 200
    async with asking(own, own.public_url(kept)) as asked:
        await own.log.tell(replace(before, state="deleted", generation=2))
        await obeyed_within(own, own.public_url(before), 410)
        for _ in range(2):  # the first takes the place of a plain file, the second of a link
            done = await rebuild(own)
            assert done.told["outcome"]["swapped_by"] == "the running delivery"
            assert done.compared["same_offset"]
            assert await own.status(own.public_url(before)) == 410
        await own.log.tell(replace(after, state="deleted", generation=2))
        await obeyed_within(own, own.public_url(after), 410)
    assert len(asked.statuses) > 20
    assert set(asked.statuses) == {200}
    assert files_of(own).previous() is not None


async def test_a_stopped_node_is_rebuilt_by_the_command_and_starts_with_it(
    own: RealDelivery,
) -> None:
    asset, gone = await own.publish(visibility="public"), await own.publish(visibility="public")
    assert await own.status(own.public_url(gone)) == 200
    await own.kill()
    await own.log.tell(replace(gone, state="deleted", generation=2))
    done = await rebuild(own)
    assert done.told["outcome"]["swapped_by"] == "this command"
    await own.start()
    assert await own.status(own.public_url(asset)) == 200
    assert await own.status(own.public_url(gone)) == 410
    assert '"a test"' in (own.folder / "delivery" / "index.history.jsonl").read_text()


async def test_a_damaged_entry_is_reported_first_and_mended_by_the_swap(own: RealDelivery) -> None:
    asset, other = await own.publish(visibility="public"), await own.publish(visibility="public")
    assert await own.status(own.public_url(other)) == 200
    assert (await rebuild(own, "compare")).compared["differing"] == 0
    spoil(own, "UPDATE asset SET standing = 'gone', body = x'' WHERE asset_id = ?", asset)
    assert await own.status(own.public_url(asset)) == 410
    reported = (await rebuild(own, "compare")).compared
    assert (reported["differing"], reported["same_offset"]) == (1, True)
    assert reported["live_digest"] != reported["rebuilt_digest"]
    assert await own.status(own.public_url(asset)) == 410
    await rebuild(own)
    assert await own.status(own.public_url(asset)) == 200
    mended = (await rebuild(own, "compare")).compared
    assert mended["live_digest"] == mended["rebuilt_digest"]


async def test_what_the_log_has_forgotten_stays_gone_and_never_becomes_unknown(
    own: RealDelivery,
) -> None:
    asset, kept = await own.publish(visibility="public"), await own.publish(visibility="public")
    assert await own.status(own.public_url(kept)) == 200
    forgotten = an_asset(visibility="public")
    insert = "INSERT INTO asset SELECT ?, 9, fill, 'gone', x'' FROM progress"
    spoil(own, insert, forgotten)
    done = await rebuild(own)
    assert (done.compared["forgotten"], done.compared["unknown_to_log"]) == (1, 0)
    assert await own.status(own.public_url(forgotten)) == 410
    assert await own.status(own.public_url(asset)) == 200


@pytest.mark.failpoint("delivery.after_rebuild_batch")
async def test_a_killed_rebuild_goes_on_where_it_was(own: RealDelivery) -> None:
    asset = await own.publish(visibility="public")
    await own.log.tell(*(an_asset(visibility="public") for _ in range(MANY)))
    died = await rebuild(own, REPRISE_FAILPOINTS="delivery.after_rebuild_batch=exit:2")
    witness("delivery.after_rebuild_batch", died.code, died.err)
    assert await own.status(own.public_url(asset)) == 200
    done = await rebuild(own)
    assert done.told["first"] > 2 * 1000, "the first batches were not read again"
    assert done.compared["rebuilt"] == MANY + 1
    assert await own.status(own.public_url(asset)) == 200


@pytest.mark.failpoint("delivery.before_index_swap")
async def test_a_delivery_killed_at_the_swap_swaps_when_it_is_back(
    infra: Stack, tmp_path: Path
) -> None:
    point = "delivery.before_index_swap"
    async with real_delivery(infra, tmp_path, REPRISE_FAILPOINTS=f"{point}=exit") as own:
        await own.start()
        asset = await own.publish(visibility="public")
        assert await own.status(own.public_url(asset)) == 200
        assert own.process is not None
        running = asyncio.ensure_future(rebuild(own))
        async with asyncio.timeout(30):
            code = await own.process.wait()
        witness(point, code, (own.folder / "log").read_text())
        assert files_of(own).offered() is not None
        own.overrides["REPRISE_FAILPOINTS"] = ""
        await own.start()
        assert (await running).told["outcome"]["swapped_by"] == "the running delivery"
        assert files_of(own).offered() is None
        assert await own.status(own.public_url(asset)) == 200


async def test_the_index_before_can_be_taken_back_and_knows_what_happened_since(
    own: RealDelivery,
) -> None:
    asset, late = await own.publish(visibility="public"), await own.publish(visibility="public")
    assert await own.status(own.public_url(late)) == 200
    await rebuild(own)
    files = files_of(own)
    previous = files.previous()
    assert previous is not None
    await own.log.tell(replace(late, state="deleted", generation=2))
    await obeyed_within(own, own.public_url(late), 410)
    files.offer_previous()
    await own.eventually(lambda: _is_live(files, previous), "the old file is live", within=10)
    assert await own.status(own.public_url(late)) == 410
    assert await own.status(own.public_url(asset)) == 200


async def test_an_old_index_taken_back_does_not_serve_what_the_log_forgot_meanwhile(
    own: RealDelivery,
) -> None:
    """Swapped out, then a purge whose tombstone is compacted away, then `--rollback`."""
    kept, purged = await purged_since_the_swap(own, days=31)
    await back_to_the_one_before(own)
    assert await own.status(own.public_url(purged)) == 410
    assert await own.status(own.public_url(kept)) == 200


async def test_an_offer_that_waited_for_long_does_not_serve_what_the_log_forgot_meanwhile(
    own: RealDelivery,
) -> None:
    """A node that was off, with a finished index in its folder: the command hands it over."""
    kept, purged = await purged_since_the_swap(own, days=31)
    await own.kill()
    files_of(own).offer_previous()
    assert (await rebuild(own)).told["outcome"]["swapped_by"] == "this command"
    await own.start()
    assert await own.status(own.public_url(purged)) == 410
    assert await own.status(own.public_url(kept)) == 200


async def test_what_the_live_index_saw_go_stays_gone_though_the_log_lost_the_tombstone(
    own: RealDelivery,
) -> None:
    kept, purged = await purged_since_the_swap(own, days=1)
    unknown = an_asset(visibility="public")
    for grave in (purged, unknown):
        spoil(
            own, "INSERT OR REPLACE INTO asset SELECT ?, 2, fill, 'gone', x'' FROM progress", grave
        )
    await back_to_the_one_before(own)
    assert await own.status(own.public_url(purged)) == 410
    assert await own.status(own.public_url(unknown)) == 410
    assert await own.status(own.public_url(kept)) == 200


async def test_a_live_index_of_a_lost_log_is_left_alone_and_never_waited_for(
    own: RealDelivery,
) -> None:
    await own.publish(visibility="public")
    assert (await rebuild(own)).compared["same_offset"]
    await own.kill()
    spoil(own, "UPDATE progress SET next_offset = 5000000 WHERE ? IS NOT NULL", an_asset())
    shortened = await rebuild(own, "compare")
    assert "log_shortened" in shortened.err
    assert shortened.code != 0
    spoil(own, "UPDATE progress SET epoch = hex(?)", an_asset())
    assert (await rebuild(own, "compare")).told["outcome"]["comparison"] is None


async def purged_since_the_swap(own: RealDelivery, *, days: int) -> tuple[Asset, Asset]:
    """One asset the log has, and one that only the index before the swap has, `days` old."""
    kept = await own.publish(visibility="public")
    purged = await own.store_asset(b"purged", visibility="public")
    assert await own.status(own.public_url(kept)) == 200
    await rebuild(own)
    previous = files_of(own).previous()
    assert previous is not None
    with closing(sqlite3.connect(previous)) as connection, connection:
        row = to_row(Change(1, purged))
        fill = "(SELECT fill FROM progress)"
        connection.execute(f"INSERT INTO asset VALUES (?, ?, {fill}, ?, ?)", row)
        connection.execute("UPDATE progress SET heard_at = heard_at - ?", (days * 86_400,))
    # as a refill leaves it that did not meet the asset: gone, at the sequence it was known by
    spoil(own, "INSERT INTO asset SELECT ?, 1, fill - 1, 'gone', x'' FROM progress", purged)
    assert await own.status(own.public_url(purged)) == 410
    return kept, purged


async def back_to_the_one_before(own: RealDelivery) -> None:
    files = files_of(own)
    previous = files.previous()
    assert previous is not None
    files.offer_previous()
    await own.eventually(lambda: _is_live(files, previous), "the old file is live", within=20)


async def _is_live(files: IndexFiles, path: Path) -> bool:
    return files.is_live(path)


def spoil(own: RealDelivery, statement: str, asset: Asset) -> None:
    """As if the file had been damaged: behind the writer's back."""
    with closing(sqlite3.connect(files_of(own).live, timeout=5)) as connection, connection:
        connection.execute(statement, (asset.asset_id.bytes,))
