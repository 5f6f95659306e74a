"""An operator at the command line, services' schemas of a test's own, and dead letters to find."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from common.clock import SystemClock
from common.events import UploadWithdrawn, new_message
from common.events.record import SourceRecord
from common.events.topics import CONSUMERS, UPLOAD_GATEWAY
from common.ids import new_asset_id, new_upload_id
from common.postgres.engine import Database, open_engine
from common.settings.groups import KafkaSettings, PostgresSettings
from common.subscriber.dead_letters import DeadLetters
from common.testing.waiting import eventually
from reprise_cli import main as command

GROUP = "catalog.uploads"
TOPIC = CONSUMERS[GROUP]


@dataclass
class Operator:
    """Runs commands in this process, against the addresses in its environment."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    kafka: KafkaSettings
    urls: Mapping[str, str]
    said: str = field(default="", init=False)

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """What it printed; `said` is what it printed beside that."""
        self.monkeypatch.setattr(sys, "argv", ["reprise", *arguments])
        with pytest.raises(SystemExit) as end:
            command.main()
        out, self.said = self.capsys.readouterr()
        assert int(end.value.code or 0) == status, out + self.said
        return out

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", status=status))

    def letters(self, key: str, *arguments: str) -> list[dict[str, Any]]:
        """The dead letters of one key, as `dlq list` tells them."""
        found = self.json("dlq", "list", *arguments)["entries"]
        return [one for one in found if one["key"] == key]

    def rows(self, statement: str, *values: object, service: str = "catalog") -> list[Any]:
        """What a service's schema holds."""

        async def fetch() -> list[Any]:
            connection = await asyncpg.connect(self.urls[service], timeout=10)
            try:
                await connection.execute(f"SET search_path = {service.replace('-', '_')}")
                return [dict(row) for row in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def in_thread(self, *arguments: str) -> threading.Thread:
        """The same beside what the test does meanwhile; it does not end the process."""
        thread = threading.Thread(
            target=lambda: command.app(list(arguments), standalone_mode=False)
        )
        thread.start()
        return thread

    async def blocked(self, service: str) -> None:
        """Wait until somebody waits for a lock in this service's database."""
        connection = await asyncpg.connect(self.urls[service], timeout=10)
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

        async def waiting() -> bool:
            return bool(await connection.fetchval(waits))

        try:
            await eventually(waiting)
        finally:
            await connection.close()

    def interrupted(self, *arguments: str, after: str) -> str:
        """A program of its own, which gets ^C once it has printed `after`; all it printed."""
        program = "from reprise_cli.main import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        seen = ""
        try:
            while after not in seen and (line := process.stdout.readline()):
                seen += line
            process.send_signal(signal.SIGINT)
            return seen + process.communicate(timeout=20)[0]
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def run_with(operator: Operator, service: str, work: Callable[[Database], Awaitable[None]]) -> None:
    """Do something in a service's schema."""

    async def run() -> None:
        settings = PostgresSettings(url=SecretStr(operator.urls[service]), pool_size=2)
        async with open_engine(settings, schema=service.replace("-", "_")) as database:
            await work(database)

    asyncio.run(run())


@dataclass(frozen=True)
class Given:
    """A dead letter as its consumer would have written it."""

    key: str
    record: SourceRecord
    event_id: str


def give_up(
    kafka: KafkaSettings,
    *,
    reason: str = "bad_payload",
    value: bytes | None = None,
    record: SourceRecord | None = None,
    headers: Callable[[list[Any]], list[Any]] = lambda found: found,
) -> Given:
    """Put one record among the dead letters of GROUP, again when it is given."""
    asset = new_asset_id()
    event = UploadWithdrawn(
        asset_id=asset, upload_id=new_upload_id(), user_id=new_asset_id(), kind="audio"
    )
    message = new_message(
        event, source=UPLOAD_GATEWAY, key=str(asset), sequence=2, clock=SystemClock()
    )
    made = record or SourceRecord(
        TOPIC.name,
        3,
        asset.int % 100_000,
        1_760_000_000_000,
        str(asset).encode(),
        tuple(headers(message.headers())),
        message.payload if value is None else value,
    )

    async def put() -> None:
        async with DeadLetters(kafka, "catalog") as letters:
            await letters.put(
                made,
                TOPIC,
                GROUP,
                reason=reason,
                detail="see https://h/m/k?t=v1.k1.priv.0.canarycanary",
                attempts=5,
                error=ValueError("canary eyJhbGciOiJI.eyJzdWIiOiJj.canarycanary"),
            )

    asyncio.run(put())
    event_id = dict(made.headers).get("ce_id") or b""
    return Given((made.key or b"").decode(), made, event_id.decode("utf-8", "replace"))


@contextmanager
def a_consumer_that(
    operator: Operator, act: Callable[[asyncpg.Connection, Any], Awaitable[None]]
) -> Iterator[list[str]]:
    """Meanwhile, what the group's retrier would do with each due row that is new."""
    stop, tried = threading.Event(), list[str]()

    async def work() -> None:
        connection = await asyncpg.connect(operator.urls["catalog"], timeout=10)
        await connection.execute("SET search_path = catalog")
        while not stop.is_set():
            for row in await connection.fetch(
                "SELECT * FROM parked WHERE attempts = 0 AND run_after <= clock_timestamp()"
            ):
                tried.append(str(row["event_id"]))
                await act(connection, row)
            await asyncio.sleep(0.05)
        await connection.close()

    thread = threading.Thread(target=_run, args=(work(),))
    thread.start()
    try:
        yield tried
    finally:
        stop.set()
        thread.join(timeout=20)


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def takes(connection: asyncpg.Connection, row: Any) -> None:
    await connection.execute("DELETE FROM parked WHERE id = $1", row["id"])


async def refuses(connection: asyncpg.Connection, row: Any) -> None:
    await connection.execute(
        "UPDATE parked SET attempts = 1, reason = 'asset_unknown' WHERE id = $1", row["id"]
    )
