"""Settings of the operator command."""

from dataclasses import dataclass

from pydantic import Field

from common.settings.groups import (
    CallerSettings,
    Group,
    KafkaSettings,
    S3Settings,
    WebOriginsSettings,
)
from common.settings.operator import OperatorSettings
from common.settings.value_types import PostgresUrl


class ServiceDatabases(Group):
    """Where the services' own schemas are; each URL names the service's role and password."""

    upload_gateway: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_UPLOAD_GATEWAY",
        description="The upload-gateway's REPRISE_POSTGRES_URL.",
    )
    catalog: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_CATALOG",
        description="The catalog's REPRISE_POSTGRES_URL.",
    )
    transcoder: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_TRANSCODER",
        description="The transcoder's REPRISE_POSTGRES_URL.",
    )
    janitor: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_JANITOR",
        description="The janitor's REPRISE_POSTGRES_URL.",
    )

    def url_of(self, service: str) -> str:
        """The URL of a service, by its name."""
        url: PostgresUrl = getattr(self, service.replace("-", "_"))
        return url.get_secret_value()


class AdministratorSettings(ServiceDatabases):
    """Databases as their administrator makes them."""

    admin_url: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_ADMIN_URL",
        description="Postgres as a role that may create roles, schemas and databases.",
    )


@dataclass(frozen=True, slots=True)
class SetupSettings:
    """What `reprise setup` reads."""

    postgres: AdministratorSettings
    s3: S3Settings
    kafka: KafkaSettings


@dataclass(frozen=True, slots=True)
class TopicsSettings:
    """What `reprise topics` reads."""

    kafka: KafkaSettings


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """What `reprise token` reads."""

    callers: CallerSettings


@dataclass(frozen=True, slots=True)
class ConsumersSettings:
    """What `reprise dlq`, `parked` and `consumers` read."""

    kafka: KafkaSettings
    postgres: ServiceDatabases
    operator: OperatorSettings


@dataclass(frozen=True, slots=True)
class LagSettings:
    """What `reprise lag` reads."""

    kafka: KafkaSettings


@dataclass(frozen=True, slots=True)
class StateSettings:
    """What `reprise state` reads."""

    kafka: KafkaSettings
    postgres: ServiceDatabases
    operator: OperatorSettings


class GatewayDatabase(Group):
    """Where the doctor keeps what it found; without it the findings are only printed."""

    url: PostgresUrl | None = Field(
        None,
        validation_alias="REPRISE_POSTGRES_URL_UPLOAD_GATEWAY",
        description="The upload-gateway's REPRISE_POSTGRES_URL.",
    )


@dataclass(frozen=True, slots=True)
class DoctorSettings:
    """What `reprise doctor s3` reads."""

    s3: S3Settings
    web: WebOriginsSettings
    gateway: GatewayDatabase
    operator: OperatorSettings


@dataclass(frozen=True, slots=True)
class AllSettings:
    """Everything that any command of this package reads, for the settings reference."""

    postgres: AdministratorSettings
    s3: S3Settings
    kafka: KafkaSettings
    operator: OperatorSettings
    web: WebOriginsSettings
