"""The consumers of the catalog as one function: a record in, its effect done."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import SecretStr

from catalog.consumers.dispatch import Handle
from catalog.consumers.handlers import build_handlers
from catalog.ports import Transactions
from catalog.settings import CatalogSettings, DeleteSettings
from common.events import Message, Received
from common.events.topics import CONSUMERS
from common.ids import UserId
from common.settings.groups import (
    CallerSettings,
    HttpSettings,
    KafkaSettings,
    PostgresSettings,
    ProcessSettings,
    TelemetrySettings,
)
from common.telemetry.metrics import Metrics
from common.web.callers import Role, make_token, user_id_for

GRACE = timedelta(days=30)
CALLERS = CallerSettings(
    jwt_secret=SecretStr("test-secret-of-the-issuer-0123456789"),
    installation_key=SecretStr("test-installation-key-0123456789abcdef"),
)


def settings_for(
    *,
    postgres: PostgresSettings | None = None,
    kafka: str = "127.0.0.1:1",
    grace: float = GRACE.total_seconds(),
) -> CatalogSettings:
    """Settings without an environment."""
    return CatalogSettings(
        http=HttpSettings(),
        process=ProcessSettings(),
        telemetry=TelemetrySettings(),
        postgres=postgres or PostgresSettings(url=SecretStr("postgresql://nobody@127.0.0.1:1/x")),
        kafka=KafkaSettings(bootstrap=kafka),
        callers=CALLERS,
        deletes=DeleteSettings(delete_grace=grace, grace_sweep_interval=0.05),
    )


def bearer(subject: str, role: Role, *, now: datetime) -> dict[str, str]:
    """The header of a caller."""
    token = make_token(CALLERS, subject=subject, role=role, now=now, lifetime=timedelta(minutes=5))
    return {"Authorization": f"Bearer {token}"}


def user_of(subject: str) -> UserId:
    """The user id of a caller."""
    key = CALLERS.installation_key.get_secret_value().encode()
    return user_id_for(key, CALLERS.jwt_issuer, subject)


class WaysIn:
    """All consumers on given transactions; `metrics` counts what became of each fact."""

    def __init__(self, transactions: Transactions) -> None:
        self.metrics = Metrics("catalog")
        handlers = build_handlers(transactions, GRACE, self.metrics)
        self._handlers = {CONSUMERS[group].name: handler for group, handler in handlers.items()}
        self._details = handlers["catalog.details"]

    async def hear(self, *heard: Received | Iterable[Received]) -> None:
        """Handle each record, in order."""
        for item in heard:
            for received in [item] if isinstance(item, Received) else item:
                await self._handler(received)(received)

    def outcomes(self, outcome: str) -> float:
        """How many facts ended so, over all groups."""
        return sum(
            self.metrics.registry.get_sample_value(
                "media_catalog_facts_total", {"group": group, "outcome": outcome}
            )
            or 0.0
            for group in CONSUMERS
            if group.startswith("catalog.")
        )

    def _handler(self, received: Received) -> Handle:
        if received.event is None:
            return self._details
        return self._handlers[received.event.TOPIC.name]


def told(outbox: Iterable[Message]) -> list[tuple[str, str, int, str, bytes | None]]:
    """What left the catalog, comparable between two runs of the same history."""
    return [
        (item.topic, item.key, item.envelope.sequence, item.envelope.type, item.payload)
        for item in outbox
    ]


def types(outbox: Iterable[Message]) -> list[str]:
    """The types of what left, in order and short."""
    return [item.envelope.type.removeprefix("reprise.").removesuffix(".v1") for item in outbox]
