"""Leased job rows: Kafka carries facts, Postgres carries work (design rule 5)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from common.clock import Clock
from common.jobs import statements
from common.jobs.job import Job, LeaseLost
from common.postgres.engine import Database, WriteSession, after_commit

WAKE = "job"
_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class JobQueue:
    """The rows of one table.

    A job is claimed by one worker at a time, for `lease`; the lease is its fence.

    `clock` None is the database's clock, the one that all workers share; tests give one that they
    can move. `backoff` is the delay after the first failure, doubled with each further claim up to
    `backoff_cap`, half of it jitter.
    """

    database: Database
    table: str = "job"
    lease: timedelta = timedelta(seconds=60)
    clock: Clock | None = None
    backoff: timedelta = timedelta(seconds=1)
    backoff_cap: timedelta = timedelta(seconds=60)
    _sql: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)

    async def enqueue(
        self,
        session: WriteSession,
        *,
        id: UUID,  # noqa: A002 (the column's name)
        kind: str,
        subject: UUID,
        payload: Mapping[str, Any],
        run_after: datetime | None = None,
        max_attempts: int = 5,
        traceparent: str | None = None,
    ) -> bool:
        """Add a job in the caller's transaction; False when its id is known, however that ended."""
        values = {
            "id": id,
            "kind": kind,
            "subject": subject,
            "payload": json.dumps(payload),
            "run_after": run_after,
            "max_attempts": max_attempts,
            "traceparent": traceparent,
        }
        added = await self._change(session, statements.ENQUEUE, **values)
        after_commit(session, WAKE)
        return added == 1

    async def claim(self, kinds: Sequence[str]) -> Job | None:
        """Lease the job that is due longest, or None; an expired lease counts as due."""
        values = {"kinds": list(kinds), "lease": self.lease, "now": self._now()}
        async with self.database.write() as session:
            row = (await session.execute(self._text(statements.CLAIM), values)).one_or_none()
        return Job(**row._mapping) if row else None  # noqa: SLF001 (SQLAlchemy's public name for it)

    async def heartbeat(self, job: Job) -> bool:
        """Extend the lease; False when it is lost or the job was cancelled."""
        async with self.database.write() as session:
            return await self._fenced(session, statements.HEARTBEAT, job, lease=self.lease)

    async def complete(self, session: WriteSession, job: Job) -> None:
        """Mark it done in the transaction that records its result; LeaseLost rolls both back."""
        if not await self._fenced(session, statements.COMPLETE, job):
            raise LeaseLost(f"job {job.id} is no longer ours")

    async def fail(
        self,
        job: Job,
        error: str,
        *,
        retry: bool,
        counts: bool = True,
        session: WriteSession | None = None,
    ) -> Literal["retry", "dead"]:
        """Hand a failed job back: `retry` with backoff while tries are left, else `dead`.

        `counts` False does not use up a try (an outage is not the job's fault). Give the `session`
        when the fact about the failure must go out in the same transaction. Raises LeaseLost.
        """
        if session is None:
            async with self.database.write() as own:
                return await self.fail(job, error, retry=retry, counts=counts, session=own)
        failures = job.failures + (1 if counts else 0)
        again = retry and failures < job.max_attempts
        values: dict[str, Any] = {"error": error[:_ERROR_LENGTH], "failures": failures}
        if again:
            values |= {"base": self.backoff, "cap": self.backoff_cap}
        if not await self._fenced(
            session, statements.RETRY if again else statements.BURY, job, **values
        ):
            raise LeaseLost(f"job {job.id} is no longer ours")
        return "retry" if again else "dead"

    async def release(self, job: Job) -> None:
        """Give it back untouched (shutdown): due at once, no try used. A lost lease is ignored."""
        async with self.database.write() as session:
            await self._fenced(session, statements.RELEASE, job)
            after_commit(session, WAKE)

    async def revive(self, session: WriteSession, id: UUID) -> bool:  # noqa: A002 (the column's name)
        """Give a dead job all its tries again, due at once; False when it is not dead."""
        changed = await self._change(session, statements.REVIVE, id=id)
        after_commit(session, WAKE)
        return changed == 1

    async def cancel(
        self, session: WriteSession, *, subject: UUID, kinds: Sequence[str] | None = None
    ) -> int:
        """End the waiting and running jobs of a subject; workers notice at the next heartbeat."""
        chosen = list(kinds) if kinds is not None else None
        return await self._change(session, statements.CANCEL, subject=subject, kinds=chosen)

    async def counts(self) -> dict[str, int]:
        """Rows that wait, run or are dead."""
        async with self.database.read() as session:
            rows = await session.execute(self._text(statements.COUNTS))
            return {"waiting": 0, "running": 0, "dead": 0} | {row[0]: row[1] for row in rows}

    async def queue_age(self) -> float:
        """Seconds that the longest due job has been waiting; 0 when none is."""
        async with self.database.read() as session:
            values = {"now": self._now()}
            return float(await session.scalar(self._text(statements.QUEUE_AGE), values) or 0.0)

    async def _fenced(self, session: WriteSession, sql: str, job: Job, **values: object) -> bool:
        changed = await self._change(session, sql, id=job.id, lease_token=job.lease_token, **values)
        return changed == 1

    async def _change(self, session: WriteSession, sql: str, **values: object) -> int:
        result = await session.execute(self._text(sql), values | {"now": self._now()})
        return result.rowcount

    def _now(self) -> datetime | None:
        return self.clock.now() if self.clock else None

    def _text(self, sql: str) -> Any:
        if sql not in self._sql:
            self._sql[sql] = text(sql.format(job=self.table))
        return self._sql[sql]
