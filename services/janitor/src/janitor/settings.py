"""Everything the janitor reads from its environment."""

from dataclasses import dataclass

from pydantic import Field

from common.settings.groups import (
    Group,
    HttpSettings,
    KafkaSettings,
    PostgresSettings,
    ProcessSettings,
    S3Settings,
    TelemetrySettings,
)


class PurgeSettings(Group):
    """How purges are worked off."""

    workers: int = Field(
        4,
        validation_alias="REPRISE_PURGE_WORKERS",
        ge=1,
        le=64,
        description="Purges carried out side by side in this process; each deletes its objects one"
        " after the other, so this bounds what a mass deletion asks of the store at once.",
    )
    lease: float = Field(
        30.0,
        validation_alias="REPRISE_PURGE_LEASE",
        ge=1,
        description="Seconds after which the purge of a killed process is taken up by another;"
        " a living worker keeps its lease by a heartbeat. Shorter recovers faster and writes more.",
    )
    retry_cap: float = Field(
        300.0,
        validation_alias="REPRISE_PURGE_RETRY_CAP",
        ge=1,
        description="Longest wait in seconds between two tries while the store refuses; the first"
        " is one second and each further one doubles. Tries never end: the permission does not.",
    )


@dataclass(frozen=True, slots=True)
class JanitorSettings:
    """The groups of this service."""

    process: ProcessSettings
    telemetry: TelemetrySettings
    http: HttpSettings
    kafka: KafkaSettings
    postgres: PostgresSettings
    s3: S3Settings
    purge: PurgeSettings
