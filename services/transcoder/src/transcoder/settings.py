"""What the transcoder reads of its environment."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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


class WorkSettings(Group):
    """How much is made at once, with which programs, behind which walls, and where."""

    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 2,
        validation_alias="REPRISE_TRANSCODER_WORKERS",
        ge=1,
        le=64,
        description="Steps that run side by side; the number of processors by default."
        " More of them share the processors and each needs memory and scratch space; audio uses one"
        " processor, video two.",
    )
    lease: float = Field(
        60.0,
        validation_alias="REPRISE_TRANSCODER_LEASE",
        ge=1,
        description="Seconds after which the job of a worker that died is taken over. Shorter is"
        " quicker and takes work away from a worker that only stands still for a while.",
    )
    ffmpeg: str = Field(
        "ffmpeg",
        validation_alias="REPRISE_FFMPEG",
        min_length=1,
        description="Program name or path of FFmpeg; 8.1.2 or newer where files may be hostile.",
    )
    ffprobe: str = Field(
        "ffprobe",
        validation_alias="REPRISE_FFPROBE",
        min_length=1,
        description="Program name or path of ffprobe, of the same build.",
    )
    sandbox: Literal["bwrap", "container"] = Field(
        "bwrap",
        validation_alias="REPRISE_SANDBOX",
        description="`bwrap` walls every tool in with bubblewrap; `container` relies on the"
        " container the worker runs in, for places where user namespaces are forbidden. Without an"
        " active one the service does not start.",
    )
    scratch_dir: Path = Field(
        Path("/var/tmp/reprise-transcoder"),  # noqa: S108 (made with mode 0700, by this service alone)
        validation_alias="REPRISE_SCRATCH_DIR",
        description="Folder for the files of running jobs; emptied of what killed workers left.",
    )
    scratch_limit: int = Field(
        20 * 1024**3,
        validation_alias="REPRISE_SCRATCH_LIMIT",
        ge=64 * 1024**2,
        description="Bytes that the running jobs of this process may hold there. A file that needs"
        " more alone fails as too_large; jobs that do not fit now wait.",
    )
    pre_encode: bool = Field(
        True,
        validation_alias="AUDIO_PRE_ENCODE",
        description="Whether audio tiers are made; without them the original is the playable tier.",
    )


@dataclass(frozen=True, slots=True)
class TranscoderSettings:
    """All groups of the service. It has no callers: its port answers health only."""

    http: HttpSettings
    process: ProcessSettings
    telemetry: TelemetrySettings
    postgres: PostgresSettings
    kafka: KafkaSettings
    s3: S3Settings
    work: WorkSettings
