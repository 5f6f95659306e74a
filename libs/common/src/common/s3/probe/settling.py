"""What a store made of a request whose end nobody saw."""

import asyncio

from common.s3.model import ObjectHead
from common.s3.probe.probing import GONE_AFTER, Probing

_LOOK_EVERY = 0.25  # seconds


async def settled(probing: Probing, key: str) -> ObjectHead | None:
    """The object that a cut request left, if one appears within the time a store may take."""
    looks = int(GONE_AFTER / _LOOK_EVERY) if probing.wishes.patient else 6
    for _ in range(looks):
        found = await probing.store.head(key)
        if found is not None:
            return found
        await asyncio.sleep(_LOOK_EVERY)
    return None
