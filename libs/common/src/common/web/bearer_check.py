"""Readiness: the secret that bearers are signed with really opens what it should."""

from dataclasses import dataclass
from datetime import timedelta

from common.clock import Clock
from common.errors import Unavailable
from common.settings.groups import CallerSettings
from common.web.callers import Callers, make_token


@dataclass(frozen=True, slots=True)
class BearerCheck:
    """Make a bearer and read it back; no I/O.

    Where an issuer publishes its keys there is nothing to make.
    """

    settings: CallerSettings
    clock: Clock

    async def __call__(self) -> None:
        """Raises Unavailable (`secrets_unusable`), or Unauthenticated for a token refused."""
        if self.settings.jwt_secret is None:
            return
        token = make_token(
            self.settings,
            subject="self-check",
            role="user",
            now=self.clock.now(),
            lifetime=timedelta(minutes=1),
        )
        if Callers(self.settings).of(f"Bearer {token}").admin:
            raise Unavailable("a user's token opens admin routes", code="secrets_unusable")
