"""Whether links made here open here: a probe token is minted and verified (DLV-40, DLV-41)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from common.clock import Clock
from common.errors import RepriseError, Unavailable
from common.tokens import MediaTokens
from delivery.domain.errors import NotConfigured

_KEY = "probe"
_VIEWER = UUID("00000000-0000-4000-8000-000000000001")


@dataclass(frozen=True, slots=True)
class CheckTokens:
    """`tokens` None: no key ring is configured."""

    tokens: MediaTokens | None
    clock: Clock

    async def __call__(self) -> None:
        """Raises NotConfigured, or Unavailable with code `tokens_mismatch`."""
        if self.tokens is None:
            raise NotConfigured("no key ring is set")
        now = self.clock.now()
        until = now + timedelta(minutes=1)
        minted = (
            self.tokens.public(_KEY, generation=1),
            self.tokens.private(_KEY, generation=1, viewer=_VIEWER, expires_at=until),
        )
        try:
            for token in minted:
                self.tokens.verify(token, _KEY, now=now)
        except RepriseError as error:
            raise Unavailable(
                "a token made here does not open here", code="tokens_mismatch"
            ) from error
