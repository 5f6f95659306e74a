"""The whole process: what it needs to start, to be ready, and to end."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr
from services.catalog.tests.ways_in import CALLERS, bearer, settings_for
from sqlalchemy import text

from catalog.bootstrap import bootstrap
from catalog.recovery.adapters.sole_writer import RECOVERY, SoleWriter
from catalog.recovery.adapters.whole_schema import WholeSchema
from catalog.settings import CatalogSettings
from common.clock import SystemClock
from common.errors import Conflict
from common.postgres.engine import Database, open_engine
from common.settings.groups import CallerSettings, KafkaSettings, PostgresSettings
from common.telemetry.telemetry import Telemetry, open_telemetry
from common.testing.postgres import service_database
from common.testing.waiting import eventually
from common.web.loops import Loop
from devstack.faults.tcp_proxy import TcpProxy
from devstack.ports import FreePorts
from devstack.stack import Stack

pytestmark = pytest.mark.integration

NO_KAFKA = "127.0.0.1:9"


@pytest.fixture
async def postgres(infra: Stack) -> AsyncIterator[PostgresSettings]:
    async with service_database(infra.env["REPRISE_POSTGRES_ADMIN_URL"], "catalog") as url:
        yield PostgresSettings(url=SecretStr(url))


def telemetry_of(settings: CatalogSettings) -> Telemetry:
    return open_telemetry("catalog", settings.telemetry)


async def test_http_starts_and_is_ready_while_kafka_is_down(postgres: PostgresSettings) -> None:
    settings = settings_for(postgres=postgres, kafka=NO_KAFKA)
    async with bootstrap(settings, telemetry_of(settings)) as process:
        assert process.loops.keys() == {"consumers", "parked", "lag", "grace", "relay"}
        transport = httpx.ASGITransport(process.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://catalog") as client:
            ready = await client.get("/readyz")
            assert ready.status_code == 200, ready.text
            required = {name for name, check in ready.json()["checks"].items() if check["required"]}
            assert required == {"postgres", "schema", "secrets"}
            assert "consumer:catalog.uploads" in ready.json()["checks"]
            headers = bearer("owner", "user", now=SystemClock().now())
            mine = await client.get("/api/v1/user/assets", headers=headers)
            assert mine.json() == {"items": [], "next_cursor": None}


async def test_an_issuer_that_publishes_keys_has_them_fetched_beside_the_app() -> None:
    published = CallerSettings(
        jwks_url="http://127.0.0.1:9/keys", installation_key=CALLERS.installation_key
    )
    settings = replace(settings_for(kafka=NO_KAFKA), callers=published)
    async with bootstrap(settings, telemetry_of(settings)) as process:
        assert "issuer-keys" in process.loops


async def test_without_its_database_it_starts_unready_and_answers_503() -> None:
    settings = settings_for(kafka=NO_KAFKA)
    async with bootstrap(settings, telemetry_of(settings)) as process:
        transport = httpx.ASGITransport(process.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://catalog") as client:
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["postgres"]["ok"]) == (503, False)
            headers = bearer("owner", "user", now=SystemClock().now())
            answer = await client.get("/api/v1/user/assets", headers=headers)
            assert answer.status_code == 503
            assert "retry-after" in answer.headers


async def test_the_program_serves_until_it_is_told_to_stop_and_leaves_with_0(
    postgres: PostgresSettings,
) -> None:
    with free_port() as port:
        environment = {
            "REPRISE_HTTP_PORT": str(port),
            "REPRISE_POSTGRES_URL": postgres.url.get_secret_value(),
            "REPRISE_KAFKA_BOOTSTRAP": NO_KAFKA,
            "REPRISE_JWT_SECRET": (CALLERS.jwt_secret or SecretStr("")).get_secret_value(),
            "REPRISE_INSTALLATION_KEY": CALLERS.installation_key.get_secret_value(),
        }
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "catalog.main", env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            await until_ready(f"http://127.0.0.1:{port}/readyz")
            program.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                assert await program.wait() == 0
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()


@contextlib.contextmanager
def free_port() -> Iterator[int]:
    ports = FreePorts([0])
    try:
        yield ports.base
    finally:
        ports.release()


async def until_ready(url: str) -> None:
    async with httpx.AsyncClient(timeout=2) as client:

        async def ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return (await client.get(url)).status_code == 200
            return False

        await eventually(ready, timeout=30)


async def test_missing_settings_end_the_program_with_one_sentence_each() -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "catalog.main", env={}, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await program.communicate()
    assert program.returncode == 2
    for name in ("REPRISE_POSTGRES_URL", "REPRISE_KAFKA_BOOTSTRAP", "REPRISE_INSTALLATION_KEY"):
        assert f"{name} is not set" in errors.decode()


async def test_a_schema_half_recovered_before_the_database_answered_is_not_worked_on(
    postgres: PostgresSettings,
) -> None:
    async with open_engine(postgres, schema="catalog") as database:
        async with database.write() as session:
            await session.execute(text("CREATE TABLE recovery_step (name text)"))
        at = urlsplit(postgres.url.get_secret_value())
        with TcpProxy(at.hostname or "", at.port or 0) as proxy:
            moved = at._replace(netloc=f"{at.username}:{at.password}@127.0.0.1:{proxy.port}")
            away = postgres.model_copy(update={"url": SecretStr(moved.geturl())})
            settings = settings_for(postgres=away, kafka=NO_KAFKA)
            proxy.refuse()
            async with bootstrap(settings, telemetry_of(settings)) as process:
                proxy.pass_through()
                transport = httpx.ASGITransport(process.app)
                async with httpx.AsyncClient(transport=transport, base_url="http://c") as http:
                    await half_and_then_whole(http, database)


async def half_and_then_whole(http: httpx.AsyncClient, database: Database) -> None:
    headers = bearer("owner", "user", now=SystemClock().now())

    async def held() -> bool:
        schema = (await http.get("/readyz")).json()["checks"]["schema"]
        return bool(schema.get("reason") == "recovery_unfinished")

    await eventually(held, timeout=15)
    answer = await http.get("/api/v1/user/assets", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "recovery_unfinished")
    async with database.write() as session:
        await session.execute(text("DROP TABLE recovery_step"))

    async def ready() -> bool:
        return (await http.get("/readyz")).status_code == 200

    await eventually(ready, timeout=15)
    assert (await http.get("/api/v1/user/assets", headers=headers)).status_code == 200


async def test_loops_begin_when_the_schema_is_whole(postgres: PostgresSettings) -> None:
    began, stop = asyncio.Event(), asyncio.Event()

    async def loop(_: asyncio.Event) -> None:
        began.set()

    async with open_engine(postgres, schema="catalog") as database:
        async with database.write() as session:
            await session.execute(text("CREATE TABLE recovery_step (name text)"))
        whole = WholeSchema(database)
        async with asyncio.TaskGroup() as group:
            group.create_task(run(whole.gated({"it": loop})["it"], stop))
            with pytest.raises(Conflict):
                await whole.look()
            assert not began.is_set()
            async with database.write() as session:
                await session.execute(text("DROP TABLE recovery_step"))
            async with asyncio.timeout(15):
                await began.wait()


async def run(loop: Loop, stop: asyncio.Event) -> None:
    await loop(stop)


async def test_a_catalog_that_started_between_two_looks_ends_the_recovery(
    infra: Stack, postgres: PostgresSettings
) -> None:
    kafka = KafkaSettings(bootstrap=infra.env["REPRISE_KAFKA_BOOTSTRAP"])
    writer = SoleWriter(postgres.url.get_secret_value(), "catalog", kafka)
    async with (
        open_engine(postgres, schema="catalog", purpose=RECOVERY) as database,
        writer.alone(database),
    ):
        await writer.refuse_again(database)
        async with open_engine(postgres, schema="catalog") as catalog:
            await catalog.check()
            with pytest.raises(Conflict, match="connected"):
                await writer.refuse_again(database)
