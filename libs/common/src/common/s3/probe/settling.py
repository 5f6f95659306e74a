"""What a store made of a request whose end nobody saw."""

import asyncio
from collections.abc import Mapping

from common.s3.model import ObjectHead
from common.s3.probe.line import demand
from common.s3.probe.probing import GONE_AFTER, Probing

BODY = bytes(range(256)) * 400  # 100 KiB
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


async def taken_whole(probing: Probing, url: str, headers: Mapping[str, str] | None = None) -> None:
    """The same request with all of its body: what is refused anyway says nothing of cut ones."""
    answer = await probing.send("PUT", url, body=BODY, headers=headers)
    demand(answer.status == 200, f"the whole body gave {answer.status}: a cut one says nothing")
