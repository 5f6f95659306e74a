"""Settings groups, read from the environment once, by `main`.

A service composes the groups it needs in a frozen dataclass and calls `load`; a variable that is
missing or wrong ends the process before anything is opened, with one sentence for each. Names of
the source documents are kept (`MEDIA_…`), all others begin with `REPRISE_` (design §7). An empty
variable counts as not set, so that a compose file may pass `${NAME:-}`.
"""

from typing import Annotated, Any, ClassVar

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from common.settings.value_types import (
    ROLES,
    HttpUrl,
    LogLevel,
    PostgresUrl,
    Profile,
    Ring,
    Role,
    Secret,
    WebOrigins,
    lower,
    split,
)


class Group(BaseSettings):
    """Variables that belong together. Each field names its variable as `validation_alias`.

    Tests build a group by field names; services never do, they `load` it.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


class KafkaSettings(Group):
    """Where the log is."""

    bootstrap: str = Field(
        validation_alias="REPRISE_KAFKA_BOOTSTRAP",
        description="Brokers to begin with, `host:port[,host:port]`.",
        pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$",
    )
    session_timeout: int = Field(
        45,
        ge=1,
        le=300,
        validation_alias="REPRISE_KAFKA_SESSION_TIMEOUT",
        description=(
            "Seconds until the partitions of a killed consumer are given to others. Short means a"
            " quick return after a crash; too short and a busy process is thrown out of its group."
            " The broker refuses what its `group.min.session.timeout.ms` (6 s) does not allow."
        ),
    )


class PostgresSettings(Group):
    """The database of this service: its own role, which sees its own schema."""

    url: PostgresUrl = Field(
        validation_alias="REPRISE_POSTGRES_URL",
        description="`postgresql://role:password@host:port/database` of the service's own role.",
    )
    pool_size: int = Field(
        10,
        validation_alias="REPRISE_POSTGRES_POOL_SIZE",
        ge=2,  # a waiting key is held on one connection while its handler uses another
        le=200,
        description="Connections kept open; more serve more requests and cost the server memory.",
    )
    pool_timeout: float = Field(
        5.0,
        validation_alias="REPRISE_POSTGRES_POOL_TIMEOUT",
        gt=0,
        description="Seconds a request waits for a connection before it is answered 503.",
    )
    statement_timeout: float = Field(
        10.0,
        validation_alias="REPRISE_POSTGRES_STATEMENT_TIMEOUT",
        gt=0,
        description="Seconds after which the server ends a statement.",
    )


class S3Settings(Group):
    """The object store: one private bucket, path style, signature version 4.

    `needed` false (in a group made of this one) lets a service start without a store.
    """

    needed: ClassVar[bool] = True

    endpoint: HttpUrl = Field(
        "",
        validation_alias="MEDIA_S3_ENDPOINT",
        description="URL of the store as services reach it; or give MEDIA_S3_ACCOUNT_ID.",
    )
    account_id: str | None = Field(
        None,
        validation_alias="MEDIA_S3_ACCOUNT_ID",
        pattern=r"^[A-Za-z0-9]+$",
        description="Cloudflare R2 account; stands for https://<account>.r2.cloudflarestorage.com.",
    )
    region: str = Field(
        "us-east-1",
        validation_alias="MEDIA_S3_REGION",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$",
        description="Region that signatures are made for; `auto` for R2.",
    )
    access_key_id: str = Field(
        validation_alias="MEDIA_S3_ACCESS_KEY_ID",
        pattern=r"^\S+$",
        description="Key id of the service.",
    )
    secret_access_key: SecretStr = Field(
        validation_alias="MEDIA_S3_SECRET_ACCESS_KEY", description="Secret of that key."
    )
    bucket: str = Field(
        "reprise-media",
        validation_alias="MEDIA_ASSETS_BUCKET",
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="The one private bucket; `reprise setup` makes it.",
    )
    public_endpoint: HttpUrl = Field(
        "",
        validation_alias="REPRISE_S3_PUBLIC_ENDPOINT",
        description="URL of the store as browsers reach it, which presigned URLs are signed for."
        " Default: the endpoint.",
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        given = dict(data)
        account = given.get("account_id") or given.get("MEDIA_S3_ACCOUNT_ID")
        endpoint = given.pop("endpoint", None) or given.pop("MEDIA_S3_ENDPOINT", None)
        if not endpoint and account:
            endpoint = f"https://{account}.r2.cloudflarestorage.com"
        if not endpoint and cls.needed:
            raise ValueError("set MEDIA_S3_ENDPOINT (or MEDIA_S3_ACCOUNT_ID for Cloudflare R2)")
        public = given.pop("public_endpoint", None) or given.pop("REPRISE_S3_PUBLIC_ENDPOINT", None)
        if not public and str(endpoint).startswith("http"):
            public = endpoint  # a malformed one is complained of once
        return given | {"endpoint": endpoint or "", "public_endpoint": public or ""}


class HttpSettings(Group):
    """The service's own port: routes of the edge, and health, metrics and operator routes."""

    host: str = Field(
        "127.0.0.1",
        validation_alias="REPRISE_HTTP_HOST",
        description="Address to listen on; 0.0.0.0 in a container.",
    )
    port: int = Field(
        8000,
        validation_alias="REPRISE_HTTP_PORT",
        ge=0,
        le=65535,
        description="Port to listen on; 0 takes a free one.",
    )
    drain_seconds: float = Field(
        20.0,
        validation_alias="REPRISE_HTTP_DRAIN_SECONDS",
        ge=0,
        description="Seconds that requests in flight get after SIGTERM; keep it below the grace of"
        " whatever stops the process.",
    )


class TelemetrySettings(Group):
    """What the process says of itself."""

    log_level: Annotated[LogLevel, BeforeValidator(lower)] = Field(
        "info",
        validation_alias="REPRISE_LOG_LEVEL",
        description="Least level that is written: debug, info, warning or error.",
    )
    profile: Profile = Field(
        "development",
        validation_alias="REPRISE_PROFILE",
        description="`production` refuses what only development may do, such as failpoints.",
    )


class ProcessSettings(Group):
    """Which parts of the service this process runs."""

    roles: Annotated[frozenset[Role], NoDecode, BeforeValidator(split)] = Field(
        ROLES,
        validation_alias="REPRISE_ROLES",
        min_length=1,
        description="Comma list of http, consumers, workers, relay; all of them by default.",
    )
    failpoints: str = Field(
        "",
        validation_alias="REPRISE_FAILPOINTS",
        description="Tests only: `name=exit|raise|sleep:SECONDS`, comma separated.",
    )


class CallerSettings(Group):
    """Whose bearers are believed: one issuer, one algorithm (security.md 4)."""

    jwt_secret: Secret | None = Field(
        None,
        validation_alias="REPRISE_JWT_SECRET",
        description="Shared HS256 secret of the issuer, at least 32 bytes; or give a JWKS URL.",
    )
    jwt_issuer: str = Field(
        "reprise",
        validation_alias="REPRISE_JWT_ISSUER",
        min_length=1,
        description="Value that `iss` must have.",
    )
    jwt_audience: str = Field(
        "reprise",
        validation_alias="REPRISE_JWT_AUDIENCE",
        min_length=1,
        description="Value that `aud` must have or contain.",
    )
    jwks_url: HttpUrl | None = Field(
        None,
        validation_alias="REPRISE_JWT_JWKS_URL",
        description="Where the issuer publishes its RS256 keys; instead of the shared secret.",
    )
    installation_key: Secret = Field(
        validation_alias="REPRISE_INSTALLATION_KEY",
        description="Key that turns `iss` and `sub` into user ids; the same for all services and"
        " for ever, because with another one every user becomes a stranger.",
    )

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> "CallerSettings":
        if (self.jwt_secret is None) == (self.jwks_url is None):
            raise ValueError("set either REPRISE_JWT_SECRET or REPRISE_JWT_JWKS_URL")
        return self


class ReceiptSettings(Group):
    """Key ring of upload receipts."""

    ring: Ring = Field(
        validation_alias="REPRISE_RECEIPT_SECRET",
        description="Ring of upload receipts, `kid:secret[,kid:secret]`.",
    )


class WebOriginsSettings(Group):
    """Which web pages may use the platform from a browser."""

    web_origins: WebOrigins = Field(
        "",
        validation_alias="REPRISE_WEB_ORIGINS",
        description="Origins of web clients that live elsewhere, `https://app.example` separated by"
        " commas; `http` only for localhost. They are let in by CORS; the platform's own origin"
        " needs no entry. `reprise doctor s3 --apply` gives the bucket the same list.",
    )

    def origins(self) -> tuple[str, ...]:
        """The list, without repetitions."""
        parts = (part.strip() for part in self.web_origins.split(","))
        return tuple(dict.fromkeys(part for part in parts if part))
