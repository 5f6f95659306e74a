"""Proves at readiness that the process holds secrets it can work with."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from common.clock import Clock
from common.settings import CallerSettings
from common.tokens import Receipt, Receipts
from common.web.callers import Callers, make_token

_NOBODY = UUID(int=0)
_SAMPLE = Receipt(_NOBODY, _NOBODY, _NOBODY, "audio", "", "", 0, "", None, 1)


@dataclass(frozen=True, slots=True)
class SecretsCheck:
    """Signs and verifies a receipt, and a bearer where the secret is shared; no I/O."""

    callers: CallerSettings
    receipts: Receipts
    clock: Clock

    async def __call__(self) -> None:
        now = self.clock.now()
        self.receipts.verify(self.receipts.issue(_SAMPLE, now=now), now=now)
        if self.callers.jwt_secret is not None:
            token = make_token(
                self.callers,
                subject="self-check",
                role="user",
                now=now,
                lifetime=timedelta(minutes=1),
            )
            Callers(self.callers).of(f"Bearer {token}")
