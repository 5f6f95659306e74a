"""What a value of a setting may be: secrets long enough, rings, addresses, levels."""

import re
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    SecretStr,
)

Role = Literal["http", "consumers", "workers", "relay"]
Profile = Literal["development", "production"]
LogLevel = Literal["debug", "info", "warning", "error"]
ROLES: frozenset[Role] = frozenset(get_args(Role))

_RING = re.compile(r"[A-Za-z0-9_-]{1,16}:[^,:\s]{32,}(,[A-Za-z0-9_-]{1,16}:[^,:\s]{32,})*")
_MIN_SECRET = 32  # bytes: as many as the SHA-256 that they key gives out


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < _MIN_SECRET:
        raise ValueError(f"it must have at least {_MIN_SECRET} bytes; `reprise keys` makes one")
    return secret


def _ring(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not _RING.fullmatch(text):
        raise ValueError(
            "it must read `kid:secret[,kid:secret]` with secrets of at least"
            f" {_MIN_SECRET} characters; `reprise keys` makes one"
        )
    kids = [item.split(":", 1)[0] for item in text.split(",")]
    if len(set(kids)) != len(kids):
        raise ValueError("a key id stands in it twice")
    return secret


def split(value: object) -> object:
    if isinstance(value, str):
        return frozenset(part.strip() for part in value.split(",") if part.strip())
    return value


def _postgres_url(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("it must begin with postgresql://")
    return secret


def _http_url(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("it must begin with http:// or https://")
    return value.rstrip("/")


def lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
Ring = Annotated[SecretStr, AfterValidator(_ring)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]


_ORIGIN = re.compile(r"https://[^/\s,?#@*]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")


def _origins(text: str) -> str:
    wrong = [
        part for part in text.split(",") if part.strip() and not _ORIGIN.fullmatch(part.strip())
    ]
    if wrong:
        raise ValueError(
            f"{wrong[0].strip()!r} is no web origin: scheme, host and port only, https"
            " (http on localhost)"
        )
    return text


WebOrigins = Annotated[str, AfterValidator(_origins)]
