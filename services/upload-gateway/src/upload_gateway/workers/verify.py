"""Leased jobs that verify finished uploads, and the named events of their outcome."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import Counter

from common.ids import UploadId
from common.jobs.job import Job
from common.jobs.queue import JobQueue
from common.jobs.worker import Worker
from common.telemetry.logs import get_logger, log_event
from common.telemetry.metrics import Metrics
from upload_gateway.domain.upload import Upload
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.verify_upload import VerifyUpload

_log = get_logger("upload_gateway.verify")


def build_verify_worker(
    verify: VerifyUpload,
    clear: ClearUpload,
    queue: JobQueue,
    *,
    kind: str,
    concurrency: int,
    wake: asyncio.Event,
    metrics: Metrics,
) -> Worker:
    """A job that fails for good leaves its upload `verifying`: bytes are never given up."""
    outcomes = metrics.counter("verified_uploads", "Uploads by how they ended.", ["outcome"])
    return Worker(
        queue,
        [kind],
        build_handler(verify, clear, outcomes),
        concurrency=concurrency,
        wake=wake,
        metrics=metrics,
    )


def build_handler(
    verify: VerifyUpload, clear: ClearUpload, outcomes: Counter
) -> Callable[[Job], Awaitable[None]]:
    """What is done with one job."""

    async def handle(job: Job) -> None:
        upload = await verify(UploadId(job.subject), job)
        outcomes.labels(upload.state).inc()
        _tell(upload)
        # the job is done and its lease with it: what is cut short here is left to the sweep
        await clear.soon(upload.id)

    return handle


def _tell(upload: Upload) -> None:
    # never the upload's id: its address is a capability
    who = {"asset_id": str(upload.asset_id), "kind": upload.kind, "size": upload.length}
    if upload.state == "stored":
        log_event(_log, "media.commit.ok", **who, content_type=upload.content_type)
    elif upload.state == "rejected":
        log_event(_log, "media.commit.fail", **who, reason=upload.reason)
