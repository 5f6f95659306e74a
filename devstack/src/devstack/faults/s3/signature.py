"""Signature version 4 seen from the server: the request is its key's, unchanged and in time."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote

from devstack.faults.s3.errors import Refused

UNSIGNED = "UNSIGNED-PAYLOAD"
_SKEW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it came: path and query percent-encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class _Claim:
    key_id: str
    scope: str
    stamp: str
    names: tuple[str, ...]
    signature: str
    payload: str
    presigned: bool


class SignatureCheck:
    """Knows the one pair of keys. `verify` returns whether the request was presigned."""

    def __init__(self, access_key: str, secret_key: str, region: str) -> None:
        self._key_id, self._secret, self._region = access_key, secret_key, region

    def verify(self, request: Signed, now: datetime) -> bool:
        """Raises Refused: unsigned, foreign, tampered with, too old, or of another region."""
        claim = _claim(request)
        if claim.key_id != self._key_id:
            raise Refused(403, "InvalidAccessKeyId")
        day, region, service, end = claim.scope.split("/")
        if (region, service, end) != (self._region, "s3", "aws4_request"):
            raise Refused(403, "SignatureDoesNotMatch", "The scope is of another region.")
        if "host" not in claim.names or (loose := _loose(request, claim)):
            raise Refused(403, "AccessDenied", f"Headers were not signed: {loose or 'host'}.")
        expected = hmac.digest(self._day_key(day), _statement(request, claim), "sha256").hex()
        if not hmac.compare_digest(expected, claim.signature):
            raise Refused(403, "SignatureDoesNotMatch")
        _check_time(request, claim, now)
        return claim.presigned

    def _day_key(self, day: str) -> bytes:
        key = b"AWS4" + self._secret.encode()
        for part in (day, self._region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def _claim(request: Signed) -> _Claim:
    query, header = dict(request.pairs), request.headers.get("authorization", "")
    try:
        if "X-Amz-Signature" in query:
            key_id, _, scope = query["X-Amz-Credential"].partition("/")
            names = tuple(query["X-Amz-SignedHeaders"].split(";"))
            return _Claim(
                key_id, scope, query["X-Amz-Date"], names, query["X-Amz-Signature"], UNSIGNED, True
            )
        kind, _, rest = header.partition(" ")
        if kind == "AWS4-HMAC-SHA256":
            fields = dict(item.strip().split("=", 1) for item in rest.split(","))
            key_id, _, scope = fields["Credential"].partition("/")
            return _Claim(
                key_id,
                scope,
                request.headers["x-amz-date"],
                tuple(fields["SignedHeaders"].split(";")),
                fields["Signature"],
                request.headers["x-amz-content-sha256"],
                False,
            )
    except (KeyError, ValueError) as error:
        raise Refused(400, "AuthorizationHeaderMalformed") from error
    raise Refused(403, "AccessDenied", "The request is not signed.")


def _loose(request: Signed, claim: _Claim) -> list[str]:
    """Headers that mean something to the store and that nobody has signed."""
    return [
        name for name in request.headers if name.startswith("x-amz-") and name not in claim.names
    ]


def _statement(request: Signed, claim: _Claim) -> bytes:
    query = sorted(
        (quote(name, safe="-._~"), quote(value, safe="-._~"))
        for name, value in request.pairs
        if name != "X-Amz-Signature"
    )
    fields = [f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in claim.names]
    canonical = "\n".join(
        [
            request.method,
            request.path,
            "&".join(f"{name}={value}" for name, value in query),
            *fields,
            "",
            ";".join(claim.names),
            claim.payload,
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"AWS4-HMAC-SHA256\n{claim.stamp}\n{claim.scope}\n{digest}".encode()


def _check_time(request: Signed, claim: _Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.stamp.replace("Z", "+0000"), "%Y%m%dT%H%M%S%z")
        lifetime = int(dict(request.pairs).get("X-Amz-Expires", "900"))
    except ValueError as error:
        raise Refused(400, "AuthorizationQueryParametersError") from error
    if claim.presigned and not signed_at - _SKEW <= now <= signed_at + timedelta(seconds=lifetime):
        raise Refused(403, "AccessDenied", "Request has expired")
    if not claim.presigned and abs(now - signed_at) > _SKEW:
        raise Refused(403, "RequestTimeTooSkewed")
