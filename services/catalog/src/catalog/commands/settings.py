"""What the operator commands of the catalog read of their environment."""

from dataclasses import dataclass

from pydantic import Field

from catalog.settings import DeleteSettings
from common.settings.groups import Group, KafkaSettings
from common.settings.operator import OperatorSettings
from common.settings.value_types import PostgresUrl


class CatalogSchema(Group):
    """Where the catalog's schema is, and who may make another beside it."""

    url: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL_CATALOG",
        description="The catalog's REPRISE_POSTGRES_URL.",
    )


class Administrator(Group):
    """For the scratch schema of `reprise verify catalog`."""

    url: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_ADMIN_URL",
        description="Postgres as a role that may create roles, schemas and databases.",
    )


@dataclass(frozen=True, slots=True)
class RecoverySettings:
    """What `reprise recover catalog` reads; the grace must be the one deletes were decided by."""

    kafka: KafkaSettings
    postgres: CatalogSchema
    deletes: DeleteSettings
    operator: OperatorSettings


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """What `reprise verify catalog` reads."""

    kafka: KafkaSettings
    postgres: CatalogSchema
    administrator: Administrator
    deletes: DeleteSettings
