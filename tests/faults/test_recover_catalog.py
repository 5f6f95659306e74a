"""The catalog's schema is lost: it comes back by command, and everybody obeys it as before."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from os import defpath
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.e2e.client import Reprise, eventually, fetch
from tests.e2e.store import list_keys

from devstack import media
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.long]

REPRISE = Path(sys.executable).with_name("reprise")


class Operator:
    """Somebody with the administrator's environment at a terminal."""

    def __init__(self, stack: Stack) -> None:
        self.env = {"PATH": defpath, "USER": "ops", **stack.environment("setup")}
        self.url = self.env["REPRISE_POSTGRES_ADMIN_URL"]

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(REPRISE), *words],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, status: int = 0) -> str:
        process = self.start(*words)
        out, said = process.communicate(timeout=120)
        assert process.returncode == status, f"{words}: {process.returncode} {said[-2000:]}{out}"
        return out + said

    def json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*words, "--json"))
        return found


@pytest.fixture
def operator(stack: Stack) -> Operator:
    return Operator(stack)


@pytest.fixture
def admin(stack: Stack) -> Iterator[Reprise]:
    client = Reprise(stack.env["REPRISE_URL"], stack.env["REPRISE_ADMIN_TOKEN"])
    yield client
    client.close()


def uploaded(admin: Reprise, path: Path) -> str:
    status = admin.ended(admin.upload(path, kind="audio", filetype="audio/flac"))
    asset_id: str = status["asset_id"]
    admin.finished(asset_id)
    return asset_id


async def lose_schema(operator: Operator, stack: Stack) -> None:
    stack.stop_process("catalog")
    connection = await asyncpg.connect(operator.url)
    try:
        await connection.execute("DROP SCHEMA catalog CASCADE")
    finally:
        await connection.close()
    # it holds back whoever would begin with nothing
    assert "recover catalog" in operator.run("setup", status=1)


async def killed_in_the_middle(operator: Operator) -> None:
    """A lock lets the recovery come as far as our own facts, and there it dies."""
    connection = await asyncpg.connect(operator.url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE catalog.outbox_head IN EXCLUSIVE MODE")
            process = operator.start("recover", "catalog", "--yes")
            other = await asyncpg.connect(operator.url)
            for _ in range(2000):
                if await _at_own_facts(other):
                    break
            await other.close()
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=10)
            assert process.returncode == -signal.SIGKILL
    finally:
        await connection.close()


async def _at_own_facts(connection: "asyncpg.Connection[Any]") -> bool:
    """Waits a moment when it is not there yet."""
    if await connection.fetchval("SELECT to_regclass('catalog.recovery_step') IS NOT NULL"):
        step = await connection.fetchval("SELECT name FROM catalog.recovery_step")
        if step == "own facts":
            return True
    await connection.execute("SELECT pg_sleep(0.02)")
    return False


async def test_a_lost_catalog_comes_back_and_is_obeyed(
    admin: Reprise, operator: Operator, stack: Stack, tmp_path: Path
) -> None:
    kept_file = media.make_flac(tmp_path / "kept.flac", seconds=3)
    kept = uploaded(admin, kept_file)
    gone = uploaded(admin, media.make_flac(tmp_path / "gone.flac", seconds=4))
    before = {asset_id: admin.asset(asset_id) for asset_id in (kept, gone)}
    url = admin.link(gone, "original")["url"]

    refused = operator.run("recover", "catalog", "--yes", status=1)
    assert "the catalog is running" in refused
    await lose_schema(operator, stack)
    plan = operator.json("recover", "catalog")
    assert plan["done"] is False
    await killed_in_the_middle(operator)
    # half a catalog does not serve: rows that are missing yet would be taken for never made
    half = half_a_catalog(stack)
    assert half.returncode != 0
    assert "half recovered" in half.stdout + half.stderr
    recovered = operator.json("recover", "catalog", "--yes")
    assert recovered["goes_on"] is True
    assert recovered["facts_unexplained"] == 0
    stack.start_process("catalog")

    assert {asset_id: admin.asset(asset_id) for asset_id in (kept, gone)} == before
    verified = operator.json("verify", "catalog")
    assert verified["differences"] == []
    assert verified["compared"] >= 2
    again = admin.ended(admin.upload(kept_file, kind="audio", filetype="audio/flac"))
    duplicate = eventually(
        lambda: admin.upload_status(again["upload_id"])["state"],
        lambda state: state == "duplicate",
        within=20,
        saying="the library should know the bytes",
    )
    assert duplicate == "duplicate"
    obeyed(admin, stack, gone, url)

    told = operator.json("state", "republish", "--service", "catalog", "--yes")
    assert told["catalog"]["told"] >= 3
    assert operator.json("verify", "catalog")["differences"] == []


def half_a_catalog(stack: Stack) -> "subprocess.CompletedProcess[str]":
    """The service on a schema whose recovery was killed; it must end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "catalog.main"],
        env={"PATH": defpath, **stack.environment("catalog")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def obeyed(admin: Reprise, stack: Stack, asset_id: str, url: str) -> None:
    """A delete goes on counting where the lost catalog ended: delivery and janitor follow."""
    assert admin.http.delete(f"/api/v1/admin/assets/{asset_id}").status_code in {200, 202, 204}
    eventually(
        lambda: fetch(url, origin=admin.origin, byte_range="0-9"),
        lambda answer: answer.status_code == 410,
        within=20,
        saying="delivery should refuse",
    )
    eventually(
        lambda: list_keys(stack.env, f"u/{asset_id}/"),
        lambda keys: not keys,
        within=60,
        saying="the janitor should purge",
    )
    assert httpx.codes.is_success(
        httpx.get(f"http://127.0.0.1:{stack.env['REPRISE_PORT_JANITOR']}/readyz").status_code
    )
