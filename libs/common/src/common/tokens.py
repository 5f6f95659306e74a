"""Media tokens and upload receipts: make, verify, key rings; pure (design §4, formats frozen).

    public   v1.<kid>.pub.<generation>.<mac>
    private  v1.<kid>.priv.<generation>.<expiry>.<viewer>.<mac>
    receipt  r1.<kid>.<statement>.<mac>

Generation and expiry (Unix seconds) are decimal, viewer and mac unpadded base64url. The mac is the
first 144 bits of an HMAC-SHA-256 over the length-prefixed purpose, object key and token fields, so
that no two different statements share a byte string; 144 bits fill 24 letters exactly, which leaves
no spare bits to play with. Nothing of a token is parsed before its mac was found right.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Self
from uuid import UUID

from common.errors import Invalid, Unauthenticated

LEEWAY = timedelta(seconds=60)
RECEIPT_LIFETIME = timedelta(hours=1)
MAX_TOKEN = 256  # characters; ours have at most about 120
MAX_RECEIPT = 4096

_MAC_BYTES = 18
_PRIVATE = "reprise media private v1"
_PUBLIC = "reprise media public v1"
_RECEIPT = "reprise upload receipt v1"

Mode = Literal["pub", "priv"]


class TokenRestricted(Unauthenticated):
    """The token is not one of ours for this object."""

    default_code = "restricted"


class TokenMissing(TokenRestricted):
    """No token was given."""


class TokenExpired(Unauthenticated):
    """The token was ours and its time is over; a fresh one may be asked for."""

    default_code = "expired"


class BadReceipt(Invalid):
    """The receipt is not ours, or its time is over (code `receipt_expired`)."""

    default_code = "receipt_invalid"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by id. The first one signs; the others only verify what they signed once."""

    keys: Mapping[str, bytes] = field(repr=False)
    active: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `kid:secret[,kid:secret]`; raises Invalid, without repeating the text."""
        pairs = [item.strip().partition(":") for item in text.split(",")]
        keys = {kid: secret.encode() for kid, _, secret in pairs}
        if not all(keys) or not all(keys.values()) or len(keys) != len(pairs):
            raise Invalid("a key ring reads kid:secret[,kid:secret]", code="bad_key_ring")
        return cls(keys, pairs[0][0])

    def key(self, kid: str) -> bytes | None:
        """The key of that id, or None when the ring does not (or no longer) have it."""
        return self.keys.get(kid)

    def for_purpose(self, purpose: str) -> "KeyRing":
        """A ring of keys that are good for one purpose only (HKDF-SHA256)."""
        derived = {kid: hkdf(secret, purpose.encode()) for kid, secret in self.keys.items()}
        return KeyRing(derived, self.active)


@dataclass(frozen=True, slots=True)
class MediaToken:
    """What a verified token says. `viewer`: first 8 bytes of a user id, private only."""

    mode: Mode
    kid: str
    generation: int
    expires_at: datetime | None = None
    viewer: bytes | None = None


class MediaTokens:
    """Makes and verifies the tokens of `/m/<key>?t=`; no I/O, no state but the rings."""

    def __init__(self, private: KeyRing, public: KeyRing) -> None:
        self._private = private.for_purpose(_PRIVATE)
        self._public = public.for_purpose(_PUBLIC)

    def private(self, key: str, *, generation: int, viewer: UUID, expires_at: datetime) -> str:
        """A token for one viewer until `expires_at` (whole seconds; bounded by the caller)."""
        expiry = int(expires_at.timestamp())
        body = f"v1.{self._private.active}.priv.{generation}.{expiry}.{_b64(viewer_of(viewer))}"
        return f"{body}.{_mac(self._private, _PRIVATE, key, body)}"

    def public(self, key: str, *, generation: int) -> str:
        """A stable token for everybody: the same input gives the same token."""
        body = f"v1.{self._public.active}.pub.{generation}"
        return f"{body}.{_mac(self._public, _PUBLIC, key, body)}"

    def verify(
        self, token: str | None, key: str, *, now: datetime, leeway: timedelta = LEEWAY
    ) -> MediaToken:
        """What the token says of `key`.

        Raises TokenMissing, TokenRestricted (not ours, other key, other mode, garbled) or
        TokenExpired (from the second `expiry + leeway` on). Whether the generation is still good is
        the index's to say.
        """
        if not token:
            raise TokenMissing("a token is needed")
        fields = token.split(".") if len(token) <= MAX_TOKEN else []
        if len(fields) == 5 and fields[2] == "pub":
            _check(self._public, _PUBLIC, key, token, fields)
            return MediaToken("pub", fields[1], int(fields[3]))
        if len(fields) == 7 and fields[2] == "priv":
            _check(self._private, _PRIVATE, key, token, fields)
            return _private_token(fields, now, leeway)
        raise TokenRestricted("the token is not valid")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The gateway's word that an upload is stored; enough to register its asset (design §2)."""

    upload_id: UUID
    asset_id: UUID
    user_id: UUID
    kind: str
    key: str
    sha256: str
    size: int
    content_type: str
    parent: str | None
    sequence: int


class Receipts:
    """Makes and verifies upload receipts."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring.for_purpose(_RECEIPT)

    def issue(self, receipt: Receipt, *, now: datetime) -> str:
        """A receipt that is good for one hour."""
        expires = int((now + RECEIPT_LIFETIME).timestamp())
        statement = json.dumps(
            asdict(receipt) | {"expires": expires}, default=str, separators=(",", ":")
        )
        body = f"r1.{self._ring.active}.{_b64(statement.encode())}"
        return f"{body}.{_mac(self._ring, _RECEIPT, '', body)}"

    def verify(self, text: str, *, now: datetime) -> Receipt:
        """What the receipt states; BadReceipt with `receipt_invalid` or `receipt_expired`."""
        fields = text.split(".") if len(text) <= MAX_RECEIPT else []
        if len(fields) != 4 or not _genuine(self._ring, _RECEIPT, "", text, fields, "r1"):
            raise BadReceipt("the receipt is not valid")
        statement = json.loads(urlsafe_b64decode(fields[2] + "=" * (-len(fields[2]) % 4)))
        if statement.pop("expires") <= now.timestamp():
            raise BadReceipt("the receipt is too old", code="receipt_expired")
        ids = {name: UUID(statement[name]) for name in ("upload_id", "asset_id", "user_id")}
        return Receipt(**statement | ids)


def viewer_of(user_id: UUID) -> bytes:
    """The eight bytes that stand for a user in tokens and delivery's ledger."""
    return user_id.bytes[:8]


def hkdf(secret: bytes, info: bytes, length: int = 32) -> bytes:
    """RFC 5869 with SHA-256 and no salt, for at most one block."""
    pseudo_random = hmac.digest(b"\x00" * 32, secret, "sha256")
    return hmac.digest(pseudo_random, info + b"\x01", "sha256")[:length]


def _private_token(fields: list[str], now: datetime, leeway: timedelta) -> MediaToken:
    expiry = int(fields[4])
    if now.timestamp() >= expiry + leeway.total_seconds():
        raise TokenExpired("the token is too old")
    viewer = urlsafe_b64decode(fields[5] + "=")
    return MediaToken(
        "priv", fields[1], int(fields[3]), datetime.fromtimestamp(expiry, UTC), viewer
    )


def _check(ring: KeyRing, purpose: str, key: str, token: str, fields: list[str]) -> None:
    if not _genuine(ring, purpose, key, token, fields, "v1"):
        raise TokenRestricted("the token is not valid")


def _genuine(
    ring: KeyRing, purpose: str, key: str, token: str, fields: list[str], version: str
) -> bool:
    secret = ring.keys.get(fields[1])
    if fields[0] != version or secret is None or not token.isascii():
        return False
    expected = _tag(secret, purpose, key, token[: -len(fields[-1]) - 1])
    # text is compared, not bytes: another spelling of the same bytes is another token
    return hmac.compare_digest(expected, fields[-1])


def _mac(ring: KeyRing, purpose: str, key: str, body: str) -> str:
    return _tag(ring.keys[ring.active], purpose, key, body)


def _tag(secret: bytes, purpose: str, key: str, body: str) -> str:
    raw = key.encode("utf-8", "surrogatepass")
    statement = b"%d:%s%d:%s%d:%s" % (
        len(purpose),
        purpose.encode(),
        len(raw),
        raw,
        len(body),
        body.encode("utf-8", "surrogatepass"),
    )
    return _b64(hmac.digest(secret, statement, "sha256")[:_MAC_BYTES])


def _b64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
