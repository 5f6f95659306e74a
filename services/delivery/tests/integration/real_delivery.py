"""A real delivery process on the real broker and store, and the catalog's side of the log."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import stamina
from pydantic import SecretStr
from services.delivery.tests.media import PRIVATE_RING, PUBLIC_RING, an_asset, state_of, tokens

from common.clock import SystemClock
from common.errors import Unavailable
from common.events import EpochState, Message, Watermark, new_message, tombstone
from common.events.topics import CATALOG_STATE, WATERMARKS, Topic
from common.ids import new_event_id
from common.kafka import topics
from common.kafka.producer import TransactionalSender
from common.s3.objects import ObjectStore
from common.settings.groups import CallerSettings, KafkaSettings, S3Settings
from common.testing.buckets import open_bucket, store_settings
from common.testing.kafka import redirected, scratch_topic, unique
from common.testing.ports import free_port
from common.testing.waiting import eventually
from common.tokens import MediaTokens
from common.web.callers import Role, make_token, user_id_for
from delivery.domain.media import Asset
from devstack.stack import Stack

PROCESS = Path(__file__).with_name("delivery_process.py")
CALLERS = CallerSettings(
    jwt_secret=SecretStr("jwt-secret-of-the-tests-" * 2),
    installation_key=SecretStr("installation-key-of-the-tests-" * 2),
)
OWNER_SUBJECT = "owner@example.org"
DATA = os.urandom(300_000)


def user_id(subject: str) -> UUID:
    key = CALLERS.installation_key.get_secret_value().encode()
    return user_id_for(key, CALLERS.jwt_issuer, subject)


def bearer(subject: str, role: Role = "user") -> dict[str, str]:
    token = make_token(
        CALLERS,
        subject=subject,
        role=role,
        now=SystemClock().now(),
        lifetime=timedelta(hours=1),
    )
    return {"Authorization": f"Bearer {token}"}


class Log:
    """The catalog's side: state records and watermarks, in topics of this test alone."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self.state: Topic = scratch_topic(CATALOG_STATE)
        self.watermarks: Topic = scratch_topic(WATERMARKS)
        self.clock = SystemClock()
        self._sequences: dict[str, int] = {}

    async def create(self) -> None:
        await topics.apply(self.settings, [self.state, self.watermarks])
        await self.begin_epoch()

    async def begin_epoch(self) -> UUID:
        epoch = new_event_id()
        await self.send(self._state("meta/epoch", EpochState(epoch=epoch)))
        return epoch

    async def tell(self, *assets: Asset, **changes: object) -> None:
        """Publish the state of assets, in one transaction."""
        await self.send(
            *(self._state(f"asset/{a.asset_id}", state_of(a, **changes)) for a in assets)
        )

    async def remove(self, asset: Asset) -> None:
        key = f"asset/{asset.asset_id}"
        grave = tombstone(
            CATALOG_STATE,
            type="reprise.state.asset.v1",
            source="catalog",
            key=key,
            sequence=self._next(key),
            clock=self.clock,
        )
        await self.send(redirected(grave, self.state))

    async def mark(self, age: timedelta = timedelta(0)) -> None:
        """The catalog's watermark."""
        event = Watermark(service="catalog", at=self.clock.now() - age)
        message = new_message(event, source="catalog", key="catalog", sequence=1, clock=self.clock)
        await self.send(redirected(message, self.watermarks))

    async def send(self, *messages: Message) -> None:
        """As a relay does: a broker that has just begun may not know its transactions yet."""
        own = [self.state, self.watermarks]
        name = unique("delivery-test")
        async for attempt in stamina.retry_context(on=Unavailable, attempts=4, wait_max=1.0):
            with attempt:
                async with TransactionalSender(
                    self.settings, name, "catalog", topics=own
                ) as sender:
                    await sender.send_batch(list(messages))

    def _state(self, key: str, event: EpochState | object) -> Message:
        assert hasattr(event, "TYPE")
        message = new_message(
            event,  # type: ignore[arg-type]  # told apart above
            source="catalog",
            key=key,
            sequence=self._next(key),
            clock=self.clock,
        )
        return redirected(message, self.state)

    def _next(self, key: str) -> int:
        self._sequences[key] = self._sequences.get(key, 0) + 1
        return self._sequences[key]


@dataclass
class RealDelivery:
    """One node: start it, kill it, start it again."""

    log: Log
    store: ObjectStore
    s3: S3Settings
    folder: Path
    overrides: dict[str, str]

    def __post_init__(self) -> None:
        self.tokens: MediaTokens = tokens()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.AsyncClient(base_url=self.url, timeout=10)
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *, until: str = "/readyz") -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(PROCESS),
                self.log.state.name,
                self.log.watermarks.name,
                env=self._environment(),
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
            )
        await self.eventually(lambda: self._answers(until), "delivery should start", within=20)

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def close(self) -> None:
        await self.http.aclose()
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            async with asyncio.timeout(20):
                assert await self.process.wait() == 0

    async def eventually(
        self, holds: Callable[[], Awaitable[bool]], saying: str, *, within: float = 20.0
    ) -> None:
        try:
            await eventually(holds, timeout=within)
        except TimeoutError:
            tail = (self.folder / "log").read_text()[-3000:]
            raise AssertionError(f"{saying}, within {within} s\n{tail}") from None

    async def status(self, url: str) -> int:
        return (await self.http.get(url)).status_code

    async def has_status(self, url: str, status: int) -> bool:
        return await self.status(url) == status

    async def publish(self, data: bytes | None = None, **fields: object) -> Asset:
        """An asset whose bytes are stored and whose record is in the log."""
        asset = await self.store_asset(DATA if data is None else data, **fields)  # type: ignore[arg-type]
        await self.log.tell(asset)
        return asset

    async def store_asset(
        self, data: bytes, *, store_type: str = "audio/flac", **fields: object
    ) -> Asset:
        """An asset whose objects all hold `data`; nothing is published."""
        made = an_asset(size=len(data), **fields)  # type: ignore[arg-type]
        objects = []
        for wanted in made.objects:
            put = await self.store.put(wanted.key, data, content_type=store_type)
            objects.append(replace(wanted, etag=put.etag))
        return replace(made, owner=user_id(OWNER_SUBJECT), objects=tuple(objects))

    def public_url(self, asset: Asset, generation: int | None = None) -> str:
        key = asset.objects[0].key
        token = self.tokens.public(key, generation=generation or asset.generation)
        return f"/m/{key}?t={token}"

    def private_url(self, asset: Asset, viewer: UUID | None = None) -> str:
        key = asset.objects[0].key
        token = self.tokens.private(
            key,
            generation=asset.generation,
            viewer=viewer or asset.owner,
            expires_at=SystemClock().now() + timedelta(minutes=10),
        )
        return f"/m/{key}?t={token}"

    async def _answers(self, path: str) -> bool:
        assert self.process is not None
        if self.process.returncode is not None:
            raise AssertionError((self.folder / "log").read_text()[-3000:])
        try:
            return (await self.http.get(path)).status_code == 200
        except httpx.TransportError:
            return False

    def _environment(self) -> dict[str, str]:
        assert CALLERS.jwt_secret is not None
        values = {
            "REPRISE_HTTP_PORT": str(self.port),
            "REPRISE_KAFKA_BOOTSTRAP": self.log.settings.bootstrap,
            "MEDIA_S3_ENDPOINT": self.s3.endpoint,
            "MEDIA_S3_ACCESS_KEY_ID": self.s3.access_key_id,
            "MEDIA_S3_SECRET_ACCESS_KEY": self.s3.secret_access_key.get_secret_value(),
            "MEDIA_ASSETS_BUCKET": self.s3.bucket,
            "REPRISE_JWT_SECRET": CALLERS.jwt_secret.get_secret_value(),
            "REPRISE_INSTALLATION_KEY": CALLERS.installation_key.get_secret_value(),
            "MEDIA_TOKEN_SECRET": PRIVATE_RING,
            "REPRISE_PUBLIC_TOKEN_SECRET": PUBLIC_RING,
            "REPRISE_DELIVERY_DIR": str(self.folder / "delivery"),
        } | self.overrides
        return {name: value for name, value in values.items() if value}


@contextlib.asynccontextmanager
async def real_delivery(
    infra: Stack, folder: Path, **overrides: str
) -> AsyncIterator[RealDelivery]:
    """A node that is not started yet, with an empty log and a bucket."""
    environment = infra.environment("delivery")
    s3 = store_settings(environment, "delivery-tests")
    log = Log(KafkaSettings(bootstrap=environment["REPRISE_KAFKA_BOOTSTRAP"]))
    await log.create()
    await log.mark()
    async with open_bucket(s3) as store:
        node = RealDelivery(log, store, s3, folder, overrides)
        try:
            yield node
        finally:
            await node.close()
