"""Everything delivery reads from its environment."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from common.settings.groups import (
    CallerSettings,
    Group,
    HttpSettings,
    KafkaSettings,
    ProcessSettings,
    S3Settings,
    TelemetrySettings,
)
from common.settings.value_types import HttpUrl, Ring

SHORTEST_TTL, LONGEST_TTL = 60, 3600  # seconds (DLV-05)


def _clamped(seconds: int) -> int:
    return max(SHORTEST_TTL, min(LONGEST_TTL, seconds))


class TokenRings(Group):
    """Key rings of media tokens.

    Without both, delivery starts, is not ready and answers 503 (DLV-40): never open.
    """

    private_ring: Ring | None = Field(
        None,
        validation_alias="MEDIA_TOKEN_SECRET",
        description="Ring of private tokens, `kid:secret[,kid:secret]`; rotate freely.",
    )
    public_ring: Ring | None = Field(
        None,
        validation_alias="REPRISE_PUBLIC_TOKEN_SECRET",
        description="Ring of public tokens, same form; a key taken out kills every link it signed.",
    )


class LinkSettings(Group):
    """The links delivery hands out."""

    private_ttl: Annotated[int, AfterValidator(_clamped)] = Field(
        600,
        validation_alias="MEDIA_PRIVATE_TTL",
        description="Seconds a private link lives, clamped to 60..3600. Longer spares refreshes,"
        " shorter limits what a copied link is worth.",
    )
    base: HttpUrl = Field(
        "",
        validation_alias="MEDIA_BASE",
        description="Absolute base of `/m/` links, as https://media.example.org. Default: links"
        " are relative to the origin.",
    )
    resource_policy: Literal["same-origin", "same-site", "cross-origin"] = Field(
        "same-origin",
        validation_alias="REPRISE_MEDIA_CORP",
        description="Cross-Origin-Resource-Policy of media. Anything but same-origin needs"
        " MEDIA_BASE: it says that pages of another host embed the media.",
    )
    audio_default: Literal["low", "medium", "high", "original"] = Field(
        "medium",
        validation_alias="AUDIO_QUALITY_DEFAULT",
        description="Tier of audio when none is asked for; falls to what exists.",
    )

    @model_validator(mode="after")
    def _policy_fits_base(self) -> "LinkSettings":
        if self.resource_policy != "same-origin" and not self.base:
            raise ValueError("REPRISE_MEDIA_CORP other than same-origin needs MEDIA_BASE")
        return self


class ServingSettings(Group):
    """The index and the streams of this node."""

    folder: Path = Field(
        validation_alias="REPRISE_DELIVERY_DIR",
        description="Folder of the index file: a local disk, one folder per node. It may be lost;"
        " the index is then filled again.",
    )
    index_max_age: int = Field(
        43_200,
        validation_alias="REPRISE_INDEX_MAX_AGE",
        ge=1,
        description="Seconds since the catalog was last heard after which private media answers"
        " 503. Longer bridges longer outages, shorter bounds how long a removed member gets in.",
    )
    streams: int = Field(
        512,
        validation_alias="REPRISE_DELIVERY_STREAMS",
        ge=1,
        le=10_000,
        description="Bodies read from the store at once; each may hold about 1 MiB of memory.",
    )
    stall_seconds: float = Field(
        60.0,
        validation_alias="REPRISE_DELIVERY_STALL",
        gt=0,
        description="Seconds a client may take no byte before its stream is cut.",
    )


@dataclass(frozen=True)
class DeliverySettings:
    """The settings of the service, by group."""

    process: ProcessSettings
    http: HttpSettings
    telemetry: TelemetrySettings
    kafka: KafkaSettings
    s3: S3Settings
    callers: CallerSettings
    tokens: TokenRings
    links: LinkSettings
    serving: ServingSettings
