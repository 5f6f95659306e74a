"""Development tokens for the two kinds of callers, signed with the installation's own secret."""

from datetime import timedelta

import jwt

from common.clock import SystemClock

LIFETIME = timedelta(days=30)


def make_token(secret: str, issuer: str, audience: str, subject: str, role: str) -> str:
    now = SystemClock().now()
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "role": role,
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
