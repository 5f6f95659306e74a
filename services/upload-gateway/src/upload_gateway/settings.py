"""What the gateway reads from its environment."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field, SecretStr, model_validator

from common.settings.groups import (
    CallerSettings,
    Group,
    HttpSettings,
    KafkaSettings,
    PostgresSettings,
    ProcessSettings,
    ReceiptSettings,
    S3Settings,
    TelemetrySettings,
    WebOriginsSettings,
)
from upload_gateway.domain.part_plan import MAX_PARTS

MIB = 1024 * 1024


class StorageSettings(S3Settings):
    """The object store; without one this service starts and its routes answer 503 (UPL-23)."""

    needed: ClassVar[bool] = False

    access_key_id: str = Field(
        "", validation_alias="MEDIA_S3_ACCESS_KEY_ID", description="Key id of the service."
    )
    secret_access_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="MEDIA_S3_SECRET_ACCESS_KEY",
        description="Secret of that key.",
    )

    @property
    def configured(self) -> bool:
        """Whether there is anything to talk to, and with."""
        secret = self.secret_access_key.get_secret_value()
        return bool(self.endpoint and self.access_key_id and secret)


class UploadSettings(Group):
    """Limits and rhythms of uploads."""

    part_size: int = Field(
        8 * MIB,
        validation_alias="REPRISE_UPLOAD_PART_SIZE",
        ge=5 * MIB,
        le=64 * MIB,
        description="Bytes of a multipart part, fixed for each upload when it is created. Larger"
        " parts mean fewer calls and more memory (times the buffers); after lowering it, open"
        " uploads with larger ones are answered 503 until it is raised again or they expire.",
    )
    buffers: int = Field(
        12,
        validation_alias="REPRISE_UPLOAD_BUFFERS",
        ge=1,
        le=256,
        description="Part buffers of a process: the bound of its memory, and how many uploads it"
        " receives at one moment; all others wait up to the buffer wait.",
    )
    buffer_wait: float = Field(
        10.0,
        validation_alias="REPRISE_UPLOAD_BUFFER_WAIT",
        gt=0,
        le=60,
        description="Seconds an upload waits in line for a part buffer before it is answered 503.",
    )
    max_size: int = Field(
        4 * 1024 * MIB,
        validation_alias="REPRISE_UPLOAD_MAX_SIZE",
        ge=1,
        description="Bytes one file may have; avatars have 10 MiB at most.",
    )
    expiry: int = Field(
        86_400,
        validation_alias="REPRISE_UPLOAD_EXPIRY",
        ge=1,
        lt=7 * 86_400,
        description="Seconds without progress after which an upload ends; below seven days, when"
        " some stores drop multiparts by themselves.",
    )
    sweep_interval: float = Field(
        60.0,
        validation_alias="REPRISE_UPLOAD_SWEEP_INTERVAL",
        gt=0,
        description="Seconds between two looks for uploads that expired or left something behind.",
    )
    stall: float = Field(
        30.0,
        validation_alias="REPRISE_UPLOAD_STALL",
        gt=0,
        description="Seconds a client may send nothing before its request is ended; what arrived is"
        " kept. Short ones free buffers sooner, long ones bear with mobile networks.",
    )
    verify_concurrency: int = Field(
        2,
        validation_alias="REPRISE_UPLOAD_VERIFIERS",
        ge=1,
        le=32,
        description="Finished uploads a process verifies at once; each may read a whole object.",
    )
    verify_lease: float = Field(
        30.0,
        validation_alias="REPRISE_UPLOAD_VERIFY_LEASE",
        gt=0,
        description="Seconds after which a verification whose process died is taken up by another.",
    )

    @model_validator(mode="after")
    def _few_enough_parts(self) -> "UploadSettings":
        if self.max_size > self.part_size * MAX_PARTS:
            raise ValueError(
                "REPRISE_UPLOAD_MAX_SIZE needs more than 10000 parts of REPRISE_UPLOAD_PART_SIZE"
            )
        return self


@dataclass(frozen=True, slots=True)
class UploadGatewaySettings:
    """Everything the gateway is told from outside."""

    process: ProcessSettings
    http: HttpSettings
    telemetry: TelemetrySettings
    callers: CallerSettings
    receipts: ReceiptSettings
    kafka: KafkaSettings
    postgres: PostgresSettings
    storage: StorageSettings
    upload: UploadSettings
    web: WebOriginsSettings
