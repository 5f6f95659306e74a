"""Proves at readiness that the process holds secrets it can work with."""

from dataclasses import dataclass
from uuid import UUID

from common.clock import Clock
from common.settings.groups import CallerSettings
from common.tokens import Receipt, Receipts
from common.web.bearer_check import BearerCheck

_NOBODY = UUID(int=0)
_SAMPLE = Receipt(_NOBODY, _NOBODY, _NOBODY, "audio", "", "", 0, "", None, 1)


@dataclass(frozen=True, slots=True)
class SecretsCheck:
    """Signs and verifies a receipt and a bearer; no I/O."""

    callers: CallerSettings
    receipts: Receipts
    clock: Clock

    async def __call__(self) -> None:
        now = self.clock.now()
        self.receipts.verify(self.receipts.issue(_SAMPLE, now=now), now=now)
        await BearerCheck(self.callers, self.clock)()
