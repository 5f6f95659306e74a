"""fsck on the living system: no false alarm while it works, and each broken promise is found."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.e2e.client import Reprise

from devstack import media
from devstack.history.of_stack import wait_until_quiet
from devstack.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

COMMAND = "from reprise_cli.main import main; main()"


def fsck(stack: Stack, *words: str, **changes: str) -> tuple[int, dict[str, dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "fsck", "--json", *words],
        env={
            **stack.environment("setup"),
            "REPRISE_DELIVERY_DIR": stack.environment("delivery")["REPRISE_DELIVERY_DIR"],
            **changes,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.startswith("["), done.stderr
    return done.returncode, {result["name"]: result for result in json.loads(done.stdout)}


def broken(results: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """Check -> the assets that its findings name."""
    return {
        name: {found for item in result["findings"] for found in named(item)}
        for name, result in results.items()
        if result["verdict"] == "broken"
    }


def named(finding: dict[str, str]) -> list[str]:
    """An event's finding names its asset in the detail."""
    asset = re.findall(r"of ([0-9a-f-]{36})", finding["detail"])
    return asset or [finding["subject"]]


@pytest.fixture(scope="module")
def asset(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A ready asset, a duplicate of it and a deleted one; then rest."""
    client = Reprise(stack.env["REPRISE_URL"], stack.env["REPRISE_ADMIN_TOKEN"])
    folder = tmp_path_factory.mktemp("fsck")
    try:
        ready = uploaded(client, media.make_flac(folder / "fsck.flac", seconds=2.53))
        client.finished(ready)  # before its double comes: whoever is first stands
        uploaded(client, folder / "fsck.flac")
        gone = uploaded(client, media.make_flac(folder / "gone.flac", seconds=1.71))
        client.finished(gone)
        assert client.http.delete(f"/api/v1/admin/assets/{gone}").is_success
    finally:
        client.close()
    wait_until_quiet(stack, within=120)
    return ready


def uploaded(client: Reprise, path: Path) -> str:
    upload = client.upload(path, kind="audio", filetype="audio/flac")
    asset_id: str = client.ended(upload)["asset_id"]
    return asset_id


@contextmanager
def changed(stack: Stack, service: str, there: str, back: str) -> Iterator[None]:
    """As if a row had been lost or altered: behind the service's back, and undone afterwards."""
    url = stack.environment("setup")[f"REPRISE_POSTGRES_URL_{service.upper().replace('-', '_')}"]

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(
            url, server_settings={"search_path": service.replace("-", "_")}
        )
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(execute(there))
    try:
        yield
    finally:
        asyncio.run(execute(back))


def test_a_sound_system_is_clean_and_every_check_was_looked_at(stack: Stack, asset: str) -> None:
    code, results = fsck(stack, "--age", "1")
    assert broken(results) == {}
    assert {result["verdict"] for result in results.values()} == {"clean"}
    assert code == 0
    assert {"I1", "I4", "I7"} <= {result["invariant"] for result in results.values()}
    assert results["upload-gateway.log"]["looked_at"] > 0
    assert results["uploads-end"]["looked_at"] > 0
    assert results["index-current"]["looked_at"] > 0


def test_it_raises_no_false_alarm_while_the_system_works(
    stack: Stack, asset: str, tmp_path: Path
) -> None:
    client = Reprise(stack.env["REPRISE_URL"], stack.env["REPRISE_ADMIN_TOKEN"])
    try:
        for number in range(2):
            uploaded(client, media.make_flac(tmp_path / f"{number}.flac", seconds=1.17 + number))
            code, results = fsck(stack, "--age", "30")
            assert (broken(results), code) == ({}, 0)
    finally:
        client.close()


BREAKS = {
    "catalog.library": (
        "catalog",
        "UPDATE library SET sha256 = 'x' || sha256 WHERE asset_id = '{asset}'",
        "UPDATE library SET sha256 = substr(sha256, 2) WHERE asset_id = '{asset}'",
    ),
    "uploads-end": (
        "catalog",
        "UPDATE asset SET state = 'processing' WHERE asset_id = '{asset}'",
        "UPDATE asset SET state = 'ready' WHERE asset_id = '{asset}'",
    ),
    "renditions-applied": (
        "catalog",
        "UPDATE asset SET applied = jsonb_set(applied, '{{media.renditions.v1}}', '1')"
        " WHERE asset_id = '{asset}'",
        "UPDATE asset SET applied = jsonb_set(applied, '{{media.renditions.v1}}', '99')"
        " WHERE asset_id = '{asset}'",
    ),
    "requests-taken": (
        "transcoder",
        "UPDATE inbox SET consumer = 'gone', event_id = gen_random_uuid() WHERE event_id ="
        " (SELECT (cause ->> 'id')::uuid FROM processing WHERE asset_id = '{asset}')",
        "INSERT INTO inbox SELECT 'transcoder', (cause ->> 'id')::uuid FROM processing"
        " WHERE asset_id = '{asset}' ON CONFLICT DO NOTHING",
    ),
    "transcoder.steps": (
        "transcoder",
        "UPDATE job SET state = 'cancelled' WHERE subject = '{asset}' AND kind <> 'probe'",
        "UPDATE job SET state = 'done' WHERE subject = '{asset}' AND kind <> 'probe'",
    ),
    "upload-gateway.log": (
        "upload-gateway",
        "UPDATE outbox SET payload = payload || '\\x20'::bytea WHERE key = '{asset}'"
        " AND sequence = 1 AND topic = 'media.uploads.v1'",
        "UPDATE outbox SET payload = substring(payload FROM 1 FOR length(payload) - 1)"
        " WHERE key = '{asset}' AND sequence = 1 AND topic = 'media.uploads.v1'",
    ),
    "upload-gateway.sequences": (
        "upload-gateway",
        "UPDATE outbox SET sequence = sequence + 1 WHERE key = '{asset}'"
        " AND topic = 'media.uploads.v1'",
        "UPDATE outbox SET sequence = sequence - 1 WHERE key = '{asset}'"
        " AND topic = 'media.uploads.v1'",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_promise_is_found_by_its_check(stack: Stack, asset: str, name: str) -> None:
    service, there, back = BREAKS[name]
    with changed(stack, service, there.format(asset=asset), back.format(asset=asset)):
        code, results = fsck(stack, "--age", "1", "--check", name)
        assert (code, broken(results)) == (1, {name: {asset}})
        assert results[name]["runbook"].startswith("docs/runbooks/fsck.md#")


def test_what_cannot_be_looked_at_is_told_apart_from_what_is_fine(stack: Stack, asset: str) -> None:
    code, results = fsck(
        stack,
        "--check",
        "catalog.log",
        "--check",
        "I4",
        REPRISE_KAFKA_BOOTSTRAP="127.0.0.1:9",
    )
    assert code == 2
    assert results["catalog.log"]["verdict"] == "unchecked"
    assert results["catalog.log"]["reason"] == "Kafka does not answer"
    assert results["catalog.library"]["verdict"] == "clean"
