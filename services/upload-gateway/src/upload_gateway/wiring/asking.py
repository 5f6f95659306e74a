"""What clients ask, and are told, beside sending bytes."""

from fastapi import APIRouter
from starlette.middleware import Middleware

from common.s3.presign import Presigner
from common.settings.groups import WebOriginsSettings
from common.tokens import Receipts
from common.web.callers import Callers
from common.web.origins import WebOrigins
from upload_gateway.adapters.memory_streams import MemoryStreams
from upload_gateway.adapters.postgres_feed import PostgresFeed
from upload_gateway.adapters.s3_urls import S3Urls
from upload_gateway.routes.config import build_config_routes
from upload_gateway.routes.events import Streaming, build_event_routes
from upload_gateway.routes.presigned import PresignedUseCases, build_presigned_routes
from upload_gateway.routes.status import build_status_routes
from upload_gateway.usecases.commit_upload import CommitUpload
from upload_gateway.usecases.describe_config import DescribeConfig
from upload_gateway.usecases.describe_upload import DescribeUpload
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.follow_uploads import FollowUploads
from upload_gateway.usecases.list_uploads import ListUploads
from upload_gateway.usecases.sign_parts import SignParts
from upload_gateway.usecases.sign_upload import SignUpload
from upload_gateway.wiring.parts import Parts
from upload_gateway.wiring.shared_usecases import create_upload, judge, store_capabilities

SHARED_PATHS = ("/files/", "/api/v1/uploads", "/api/v1/media/", "/api/v1/admin/images/upload")


def build_asking(
    parts: Parts, receipts: Receipts, end: EndUpload, callers: Callers
) -> list[APIRouter]:
    """What clients ask beside sending bytes to us: limits, signed requests, statuses."""
    describe = DescribeUpload(parts.ledger, parts.store, receipts, parts.clock)
    return [
        build_config_routes(_config(parts), callers),
        build_presigned_routes(_presigned(parts, describe, end), callers),
        build_status_routes(describe, ListUploads(parts.ledger), callers),
    ]


def _presigned(parts: Parts, describe: DescribeUpload, end: EndUpload) -> PresignedUseCases:
    ledger, store, clock = parts.ledger, parts.store, parts.clock
    presign = parts.settings.presign
    signer = S3Urls(Presigner(parts.settings.storage), presign.url_seconds)
    capabilities = store_capabilities(parts)
    return PresignedUseCases(
        sign=SignUpload(create_upload(parts), store, capabilities, signer, clock),
        sign_parts=SignParts(
            ledger, store, capabilities, signer, clock, parts.settings.upload.expiry
        ),
        commit=CommitUpload(ledger, store, judge(parts), parts.clear, clock),
        describe=describe,
        end=end,
        outcomes=parts.telemetry.metrics.counter(
            "presigned_steps", "Calls of sign-upload and commit, by outcome.", ["step", "outcome"]
        ),
    )


def _config(parts: Parts) -> DescribeConfig:
    upload, admission = parts.settings.upload, parts.settings.admission
    return DescribeConfig(
        store_capabilities(parts),
        upload.sizes,
        admission.limits,
        admission.per_minute,
        upload.part_size,
        upload.expiry,
        parts.settings.presign.url_seconds,
        upload.form_files,
        upload.accept_any,
    )


def build_telling(parts: Parts, streams: MemoryStreams, callers: Callers) -> APIRouter:
    """The event streams of this process."""
    parts.telemetry.metrics.gauge("open_streams", "Event streams that are open.").set_function(
        lambda: streams.count
    )
    told = parts.settings.telling
    follow = FollowUploads(PostgresFeed(parts.database))
    return build_event_routes(
        Streaming(streams.open, follow, told.stream_life, told.heartbeat), callers
    )


def web_origins(settings: WebOriginsSettings) -> Middleware:
    """Every route that a browser uses to upload; what is answered by others is theirs to share."""
    return Middleware(
        WebOrigins, origins=settings.origins(), paths=SHARED_PATHS, answering=("/files/",)
    )
