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
from upload_gateway.domain.errors import BytesReplaced, MultipartForgotten
from upload_gateway.domain.upload import Upload
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.give_up_upload import GiveUpUpload
from upload_gateway.usecases.strand_upload import StrandUpload
from upload_gateway.usecases.verify_upload import VerifyUpload

_log = get_logger("upload_gateway.verify")


def build_verify_worker(
    verify: VerifyUpload,
    clear: ClearUpload,
    give_up: GiveUpUpload,
    strand: StrandUpload,
    queue: JobQueue,
    *,
    kind: str,
    concurrency: int,
    wake: asyncio.Event,
    metrics: Metrics,
) -> Worker:
    """A job that fails for good leaves its upload `verifying` with a reason, for an operator.

    Bytes are given up only when at the last try, a quarter of an hour after the first, the store
    still knows neither multipart nor object, or holds others than were acknowledged.
    """
    outcomes = metrics.counter("verified_uploads", "Uploads by how they ended.", ["outcome"])
    return Worker(
        queue,
        [kind],
        build_handler(verify, clear, outcomes),
        concurrency=concurrency,
        wake=wake,
        metrics=metrics,
        on_dead=build_on_dead(give_up, strand, outcomes),
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


def build_on_dead(
    give_up: GiveUpUpload, strand: StrandUpload, outcomes: Counter
) -> Callable[[Job, Exception], Awaitable[None]]:
    """What is done when the last try of a job has failed."""

    async def bury(job: Job, error: Exception) -> None:
        code = getattr(error, "code", type(error).__name__)
        _log.error("verify.dead", asset_id=str(job.id), code=code, attempts=job.attempt)
        if isinstance(error, MultipartForgotten | BytesReplaced):
            upload = await give_up(UploadId(job.subject), job)
            outcomes.labels(upload.state).inc()
            _tell(upload)
        else:
            await strand(UploadId(job.subject), job, f"{code}: {error}")

    return bury


def _tell(upload: Upload) -> None:
    # never the upload's id: its address is a capability
    who = {"asset_id": str(upload.asset_id), "kind": upload.kind, "size": upload.length}
    if upload.state == "stored":
        log_event(_log, "media.commit.ok", **who, content_type=upload.content_type)
    elif upload.state == "rejected":
        log_event(_log, "media.commit.fail", **who, reason=upload.reason)
