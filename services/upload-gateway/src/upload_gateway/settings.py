"""What the gateway reads from its environment."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, model_validator

from common.events import MediaKind
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
from upload_gateway.domain.limits import Ceiling, Limits, Sizes
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
        description="Bytes one file may have, of whatever kind.",
    )
    max_audio_size: int | None = Field(
        None,
        validation_alias="REPRISE_UPLOAD_MAX_AUDIO_SIZE",
        ge=1,
        description="Bytes an audio file may have, where that is less than the general limit.",
    )
    max_image_size: int | None = Field(
        None,
        validation_alias="REPRISE_UPLOAD_MAX_IMAGE_SIZE",
        ge=1,
        description="Bytes an image may have, where that is less than the general limit.",
    )
    max_video_size: int | None = Field(
        None,
        validation_alias="REPRISE_UPLOAD_MAX_VIDEO_SIZE",
        ge=1,
        description="Bytes a video may have, where that is less than the general limit.",
    )
    max_avatar_size: int = Field(
        10 * MIB,
        validation_alias="REPRISE_UPLOAD_MAX_AVATAR_SIZE",
        ge=1,
        description="Bytes an avatar may have.",
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
    min_rate: int = Field(
        1024,
        validation_alias="REPRISE_UPLOAD_MIN_RATE",
        ge=0,
        description="Bytes a second that a client must send, on average over a window; a slower"
        " request is ended with what arrived kept. Only time spent waiting for the client counts,"
        " never the store's. While others wait, a slow client's part buffer is given to them. 0"
        " bears with all that do not stall.",
    )
    rate_window: float = Field(
        60.0,
        validation_alias="REPRISE_UPLOAD_RATE_WINDOW",
        gt=0,
        le=3600,
        description="Seconds over which the minimum rate is measured; long ones forgive pauses.",
    )
    form_files: int = Field(
        100,
        validation_alias="REPRISE_UPLOAD_FORM_FILES",
        ge=1,
        le=1000,
        description="Files one multi-file form may bring. Fewer keep requests short, and less is"
        " sent again when one is cut; all others are told to come in a further form.",
    )
    accept_any: bool = Field(
        False,
        validation_alias="REPRISE_UPLOAD_ACCEPT_ANY",
        description="Take files of every type, for a store of anything and for protocol tests."
        " Only what the bytes themselves show gets a type; the rest is kept as"
        " application/octet-stream. Nothing is made of it: its asset ends `failed(unsupported)`,"
        " and delivery hands it to nobody. Kinds, roles and all limits hold as ever, and a file"
        " without a byte is refused.",
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

    @property
    def sizes(self) -> Sizes:
        """The general size limit and those of kinds."""
        of_kinds: dict[MediaKind, int | None] = {
            "audio": self.max_audio_size,
            "image": self.max_image_size,
            "video": self.max_video_size,
            "avatar": self.max_avatar_size,
        }
        narrower = tuple((kind, size) for kind, size in of_kinds.items() if size is not None)
        return Sizes(self.max_size, narrower)

    @model_validator(mode="after")
    def _few_enough_parts(self) -> "UploadSettings":
        if self.max_size > self.part_size * MAX_PARTS:
            raise ValueError(
                "REPRISE_UPLOAD_MAX_SIZE needs more than 10000 parts of REPRISE_UPLOAD_PART_SIZE"
            )
        return self


class AdmissionSettings(Group):
    """How many uploads, and how many bytes, one person and all together may have at once.

    A slot belongs to an upload that was created, or got bytes, less than a lease ago. It is free
    again when all bytes are there, when the upload is ended, when its client is gone, and a lease
    after its process died. Only new uploads are refused: one that goes on takes its slot again
    whatever the count, because the refusal would cost its client the address.
    """

    concurrent: int = Field(
        20,
        validation_alias="MAX_CONCURRENT_UPLOADS",
        ge=1,
        description="Uploads of one person that move bytes at once; the next new one is answered"
        " 429. Browsers' upload libraries send up to 20 files side by side.",
    )
    concurrent_total: int = Field(
        1000,
        validation_alias="REPRISE_UPLOAD_MAX_CONCURRENT_TOTAL",
        ge=1,
        description="Uploads of all people together that move bytes at once.",
    )
    open: int = Field(
        1000,
        validation_alias="REPRISE_UPLOAD_MAX_OPEN",
        ge=1,
        description="Unfinished uploads of one person, moving or left; bounds what a flood of"
        " creations can leave behind until it expires.",
    )
    open_total: int = Field(
        20_000,
        validation_alias="REPRISE_UPLOAD_MAX_OPEN_TOTAL",
        ge=1,
        description="Unfinished uploads of all people together. Each creation counts them: 20000"
        " take it some milliseconds.",
    )
    open_bytes: int = Field(
        256 * 1024 * MIB,
        validation_alias="REPRISE_UPLOAD_MAX_OPEN_BYTES",
        ge=1,
        description="Declared bytes of one person's unfinished uploads; what arrived, of uploads"
        " whose length is not known yet. More is answered 413.",
    )
    open_bytes_total: int = Field(
        2 * 1024 * 1024 * MIB,
        validation_alias="MAX_UPLOAD_SIZE_TOTAL",
        ge=1,
        description="Declared bytes of unfinished uploads of all people together; more is answered"
        " 413.",
    )
    stored_bytes: int | None = Field(
        None,
        validation_alias="REPRISE_UPLOAD_QUOTA",
        ge=1,
        description="Bytes one person may keep: originals until they are purged, and unfinished"
        " uploads. Made files (tiers, thumbnails) do not count. Empty means no quota.",
    )
    per_minute: int = Field(
        300,
        validation_alias="REPRISE_UPLOAD_REQUESTS_PER_MINUTE",
        ge=0,
        description="New uploads one person may ask for in a minute, all at once or spread; more"
        " is answered 429. Bytes and questions about running uploads never count. 0 is no limit.",
    )
    lease: float = Field(
        30.0,
        validation_alias="REPRISE_UPLOAD_SLOT_LEASE",
        gt=0,
        le=600,
        description="Seconds a slot stays taken without a sign of life: between two requests of"
        " one upload, and after a crash. Renewed thrice in that time while bytes move.",
    )
    busy_status: Literal[429, 503] = Field(
        429,
        validation_alias="REPRISE_UPLOAD_BUSY_STATUS",
        description="Status of an upload refused for now. 503 is for pages with a bare"
        " tus-js-client, which tries again after 503 and not after 429.",
    )

    @property
    def limits(self) -> Limits:
        """The limits as the domain knows them."""
        return Limits(
            person=Ceiling(self.concurrent, self.open, self.open_bytes),
            total=Ceiling(self.concurrent_total, self.open_total, self.open_bytes_total),
            stored=self.stored_bytes,
        )


class PresignSettings(Group):
    """Uploads by signed URLs; whether there are any is what `reprise doctor s3` found."""

    url_seconds: int = Field(
        900,
        validation_alias="REPRISE_UPLOAD_URL_SECONDS",
        ge=1,
        le=900,
        description="Seconds a signed URL is good. It cannot be taken back before; a request that"
        " was begun in time may take longer.",
    )
    late: float = Field(
        3600.0,
        validation_alias="REPRISE_UPLOAD_URL_LATE",
        ge=0,
        description="Seconds after the end of its last URL in which bytes of an upload that was"
        " aborted, has expired or is a duplicate may still arrive in the store: then it is cleared"
        " up once more.",
    )


class TellingSettings(Group):
    """What owners of uploads are told while they listen, and for how long it is kept."""

    streams_per_user: int = Field(
        10,
        validation_alias="REPRISE_UPLOAD_STREAMS_PER_USER",
        ge=1,
        description="Event streams one person may have open at one process: tabs and devices. The"
        " next one is answered 429.",
    )
    streams: int = Field(
        1000,
        validation_alias="REPRISE_UPLOAD_STREAMS",
        ge=1,
        description="Event streams of all people at one process. Each is a connection; one look at"
        " the database serves them all.",
    )
    stream_life: float = Field(
        900.0,
        validation_alias="REPRISE_UPLOAD_STREAM_LIFE",
        gt=0,
        description="Seconds after which an event stream ends and its reader comes back: as long as"
        " a caller whose right was taken away may go on listening.",
    )
    heartbeat: float = Field(
        15.0,
        validation_alias="REPRISE_UPLOAD_STREAM_HEARTBEAT",
        gt=0,
        le=60,
        description="Seconds of silence after which an event stream says that it is alive; proxies"
        " on the way cut what is silent for longer than they bear.",
    )
    kept: int = Field(
        30 * 86_400,
        validation_alias="REPRISE_UPLOAD_TIMELINE_KEPT",
        ge=60,
        description="Seconds that entries of timelines are kept. A reader that was away for longer"
        " is told all that is unfinished instead of what it missed.",
    )


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
    admission: AdmissionSettings
    presign: PresignSettings
    telling: TellingSettings
