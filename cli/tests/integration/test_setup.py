"""The operator command against the real broker, database and store, as its own process."""

import asyncio
import json
import sys
from collections.abc import Iterator

import asyncpg
import pytest
from libs.common.tests.integration.records import fact

from common.events.topics import UPLOAD_GATEWAY
from common.ids import new_asset_id
from common.kafka.producer import TransactionalSender
from common.settings.groups import KafkaSettings
from devstack.stack import Stack
from devstack.stack_for_tests import infrastructure_for_tests

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def infra() -> Iterator[Stack]:
    """Of this module's own: where other tests have written, setup would miss the tables."""
    with infrastructure_for_tests() as own:
        yield own


async def reprise(infra: Stack, *arguments: str, **changes: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from reprise_cli.main import main; main()",
        *arguments,
        env={**infra.environment("setup"), **changes},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_setup_makes_everything_and_running_it_again_changes_nothing(infra: Stack) -> None:
    code, _, err = await reprise(infra, "setup")
    assert (code, err) == (0, "")
    code, out, err = await reprise(infra, "setup", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"postgres": [], "store": [], "kafka": []}
    code, out, _ = await reprise(infra, "topics", "diff")
    assert (code, out) == (0, "The topics are as they shall be.\n")


async def test_two_setups_side_by_side_both_succeed(infra: Stack) -> None:
    results = await asyncio.gather(reprise(infra, "setup"), reprise(infra, "setup"))
    assert [(code, err) for code, _, err in results] == [(0, ""), (0, "")]


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("REPRISE_KAFKA_BOOTSTRAP", "127.0.0.1:9", "Kafka does not answer"),
        ("MEDIA_S3_ENDPOINT", "http://127.0.0.1:9", "The store does not answer"),
        ("MEDIA_S3_SECRET_ACCESS_KEY", "wrong", "The store refused our credentials"),
        (
            "REPRISE_POSTGRES_ADMIN_URL",
            "postgresql://postgres:canary@127.0.0.1:9/reprise",
            "REPRISE_POSTGRES_ADMIN_URL",
        ),
    ],
)
async def test_a_part_that_does_not_answer_is_named_with_what_mends_it(
    infra: Stack, variable: str, value: str, sentence: str
) -> None:
    code, _, err = await reprise(infra, "setup", "--wait", "0", **{variable: value})
    assert code == 1
    assert sentence in err
    assert "Traceback" not in err
    assert "canary" not in err


async def test_a_service_that_lost_its_tables_is_held_back_with_what_brings_them_back(
    infra: Stack,
) -> None:
    """Setup makes them anew, which is what recovery needs, and lets nothing start on them."""
    assert (await reprise(infra, "setup"))[0] == 0
    kafka = KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])
    async with TransactionalSender(kafka, "upload-gateway", UPLOAD_GATEWAY) as sender:
        await sender.send_batch([fact(new_asset_id(), 1)])

    code, out, err = await reprise(infra, "setup")
    assert code == 1
    assert "postgres: nothing to do" in out
    assert "the upload-gateway's tables are new and media.uploads.v1 is not" in err
    assert "--accept-empty upload-gateway" in err
    assert (await reprise(infra, "setup", "--accept-empty", "upload-gateway"))[0] == 0


@pytest.mark.parametrize("command", ["verify", "recover"])
async def test_a_catalog_without_tables_is_told_what_makes_them(infra: Stack, command: str) -> None:
    assert (await reprise(infra, "setup", "--accept-empty", "upload-gateway"))[0] == 0
    connection = await asyncpg.connect(infra.env["REPRISE_POSTGRES_ADMIN_URL"])
    try:
        await connection.execute("DROP SCHEMA catalog CASCADE")
    finally:
        await connection.close()
    code, _, err = await reprise(infra, command, "catalog")
    assert code == 1
    assert "the catalog has no tables: `reprise setup` makes them" in err
    assert "Traceback" not in err
