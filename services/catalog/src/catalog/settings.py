"""What the catalog reads of its environment."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import Field

from common.settings.groups import (
    CallerSettings,
    Group,
    HttpSettings,
    KafkaSettings,
    PostgresSettings,
    ProcessSettings,
    TelemetrySettings,
)


class DeleteSettings(Group):
    """How long a deleted asset can be restored (design §2)."""

    delete_grace: float = Field(
        2_592_000,
        validation_alias="REPRISE_DELETE_GRACE",
        ge=0,
        description="Seconds a deleted asset can be restored (default 30 days). Fixed for each"
        " asset when it is deleted: a change touches later deletes only. Longer is kinder to"
        " mistakes and keeps the bytes of everything deleted.",
    )
    grace_sweep_interval: float = Field(
        60.0,
        validation_alias="REPRISE_GRACE_SWEEP_INTERVAL",
        gt=0,
        description="Seconds between looks for graces that are over; bytes outlive their grace by"
        " as much. A look costs one index probe.",
    )

    @property
    def grace(self) -> timedelta:
        """The grace as a span."""
        return timedelta(seconds=self.delete_grace)


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """All groups of the service; only the database and the log are needed, never the store."""

    http: HttpSettings
    process: ProcessSettings
    telemetry: TelemetrySettings
    postgres: PostgresSettings
    kafka: KafkaSettings
    callers: CallerSettings
    deletes: DeleteSettings
