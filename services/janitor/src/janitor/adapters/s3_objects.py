"""Deletes in the bucket, told to the log and the dashboards under the source documents' names."""

from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Counter

from common.errors import RepriseError, Unavailable
from common.ids import ObjectKey
from common.telemetry.logs import get_logger, log_event

_log = get_logger("janitor.s3")


class Deleter(Protocol):
    """The part of common.s3's object store that the janitor uses. There is no listing in it."""

    async def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class S3Objects:
    """The `ObjectRemover` port. `deletes` counts by outcome."""

    store: Deleter
    deletes: Counter

    async def remove(self, key: ObjectKey) -> None:
        try:
            await self.store.delete(key)
        except RepriseError as error:
            self.deletes.labels("fail").inc()
            log_event(_log, "media.s3.delete.fail", key=key, code=error.code)
            if isinstance(error, Unavailable):
                raise
            # a store that denies today may be allowed to obey tomorrow; the order stays
            raise Unavailable(error.detail, code=error.code) from error
        self.deletes.labels("ok").inc()
        log_event(_log, "media.s3.delete.ok", key=key)
