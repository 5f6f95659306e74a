"""Who is calling: bearer tokens to callers, and the pseudonym that stands for a person.

One issuer, one algorithm, one place. Of a token only `sub` and `role` are used, and `sub` never
leaves this module: it becomes a user id at once (design rule 6).
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from common.errors import Forbidden, Unauthenticated
from common.ids import UserId
from common.settings.groups import CallerSettings
from common.web.jwks import IssuerKeys, fetch_from
from common.web.loops import Loop

Role = Literal["admin", "user"]

SHARED, PUBLISHED = "HS256", "RS256"  # one algorithm for each way to know a key
LEEWAY = timedelta(seconds=30)
MAX_TOKEN = 8192  # characters
REQUIRED = ("exp", "iat", "iss", "aud", "sub")
# names of the OpenAPI security schemes; the route x role matrix is read from them
ROLE_SCHEMES: dict[str, str] = {"admin": "adminBearer", "user": "userBearer"}
# header fields by which a token would choose its own key
_FOREIGN_KEYS = {"jku", "jwk", "x5u", "x5c", "crit"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who showed a valid token."""

    user_id: UserId
    role: Role

    @property
    def admin(self) -> bool:
        """Whether the caller has the role `admin`."""
        return self.role == "admin"


class Callers:
    """Turns `Authorization` headers into callers; no I/O.

    With a JWKS URL the issuer's keys are fetched by a loop: add `loops` to those of the process.
    """

    def __init__(self, settings: CallerSettings, *, issuer_keys: IssuerKeys | None = None) -> None:
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._installation_key = settings.installation_key.get_secret_value().encode()
        self._secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else None
        self._issuer_keys = issuer_keys
        if issuer_keys is None and settings.jwks_url:
            self._issuer_keys = IssuerKeys(fetch_from(settings.jwks_url))

    @property
    def loops(self) -> dict[str, Loop]:
        """What must run beside the app: nothing with a shared secret."""
        return {"issuer-keys": self._issuer_keys.loop} if self._issuer_keys else {}

    def of(self, authorization: str | None) -> Caller:
        """The caller, or Unauthenticated, which does not tell why a token was refused."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("A bearer token is needed.")
        claims = self._claims(token.strip())
        role = claims.get("role")
        if role not in ("admin", "user"):  # a tuple: what came may have no hash
            raise Unauthenticated("The bearer token names no role.")
        return Caller(user_id_for(self._installation_key, self._issuer, claims["sub"]), role)

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            if not token.isascii() or len(token) > MAX_TOKEN:
                raise Unauthenticated("The bearer token is not valid.")
            key, algorithm = self._key(jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": list(REQUIRED)},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated("The bearer token is not valid.") from error
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise Unauthenticated("The bearer token is not valid.")
        return claims

    def _key(self, header: dict[str, Any]) -> tuple[str | RSAPublicKey, str]:
        """The one key and the one algorithm that this token may have been signed with."""
        if header.keys() & _FOREIGN_KEYS:
            raise Unauthenticated("The bearer token is not valid.")
        if self._secret is not None:
            return self._secret, SHARED
        if self._issuer_keys is None:
            raise Unauthenticated("No bearer token is accepted.")
        return self._issuer_keys.key(header.get("kid")), PUBLISHED


def require(callers: Callers, role: Role = "user") -> Callable[..., Awaitable[Caller]]:
    """A FastAPI dependency that gives the caller; an admin may do what a user may.

    Raises Unauthenticated, or Forbidden (code `admin_only`) for a user where an admin is asked for.
    """
    scheme = HTTPBearer(scheme_name=ROLE_SCHEMES[role], bearerFormat="JWT", auto_error=False)

    async def caller(
        request: Request,
        _: Annotated[HTTPAuthorizationCredentials | None, Security(scheme)],  # for the schema
    ) -> Caller:
        found = callers.of(request.headers.get("authorization"))
        if role == "admin" and not found.admin:
            raise Forbidden("This needs the role admin.", code="admin_only")
        return found

    return caller


def user_id_for(installation_key: bytes, issuer: str, subject: str) -> UserId:
    """The user's id in this installation: stable, and no way back without the key."""
    parts = [part.encode("utf-8", "surrogatepass") for part in (issuer, subject)]
    statement = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    digest = hmac.digest(installation_key, b"reprise user id v1" + statement, "sha256")
    return UserId(_custom_uuid(digest[:16]))


def make_token(
    settings: CallerSettings, *, subject: str, role: Role, now: datetime, lifetime: timedelta
) -> str:
    """A token as the issuer would make it; for `reprise token` and tests."""
    if settings.jwt_secret is None:
        raise Forbidden(
            "Tokens come from the issuer when a JWKS URL is set.", code="no_shared_secret"
        )
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": subject,
        "role": role,
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
    }
    return jwt.encode(claims, settings.jwt_secret.get_secret_value(), algorithm=SHARED)


def _custom_uuid(value: bytes) -> UUID:
    """Version 8 of RFC 9562: bits of our own making."""
    bits = int.from_bytes(value, "big")
    bits = bits & ~(0xF << 76) | (8 << 76)
    return UUID(int=bits & ~(0x3 << 62) | (0x2 << 62))
