"""The ways in whose bytes come through this process: tus and the form."""

from fastapi import APIRouter

from common.web.callers import Callers
from upload_gateway.adapters.asyncio_writers import AsyncioWriters, Slowest
from upload_gateway.adapters.memory_buffers import MemoryBuffers
from upload_gateway.adapters.memory_digests import MemoryDigests
from upload_gateway.adapters.postgres_pace import PostgresPace
from upload_gateway.adapters.postgres_presence import PostgresPresence
from upload_gateway.adapters.puremagic_sniffer import PuremagicSniffer
from upload_gateway.domain.birth import Terms
from upload_gateway.routes import statuses
from upload_gateway.routes.form import FormUseCases, build_form_routes
from upload_gateway.routes.uploads import TusUseCases, build_tus_routes
from upload_gateway.settings import UploadSettings
from upload_gateway.usecases.acknowledge_bytes import AcknowledgeBytes
from upload_gateway.usecases.admit_upload import AdmitUpload
from upload_gateway.usecases.append_bytes import AppendBytes
from upload_gateway.usecases.concatenate_uploads import ConcatenateUploads
from upload_gateway.usecases.end_upload import EndUpload
from upload_gateway.usecases.find_upload import FindUpload
from upload_gateway.usecases.receive_file import ReceiveFile
from upload_gateway.usecases.receive_form import ReceiveForm
from upload_gateway.usecases.receive_parts import ReceiveParts
from upload_gateway.usecases.reject_content import RejectContent
from upload_gateway.usecases.stage_tail import StageTail
from upload_gateway.usecases.store_part import StorePart
from upload_gateway.wiring.parts import Parts
from upload_gateway.wiring.shared_usecases import create_upload


def build_receiving(
    parts: Parts, writers: AsyncioWriters, end: EndUpload, callers: Callers
) -> list[APIRouter]:
    """Tus and the form, with the one buffer pool of the process behind both."""
    limits, ledger = parts.settings.upload, parts.ledger
    buffers = MemoryBuffers(
        count=limits.buffers, size=limits.part_size, patience=limits.buffer_wait
    )
    metrics = parts.telemetry.metrics
    metrics.gauge("part_buffers_used", "Part buffers in the hands of uploads.").set_function(
        lambda: buffers.in_use
    )
    admit = AdmitUpload(parts.settings.admission.limits)
    acknowledge = AcknowledgeBytes(ledger, admit, parts.clock, limits.expiry)
    receive = ReceiveParts(
        StorePart(acknowledge, ledger, parts.store, parts.staging),
        StageTail(acknowledge, parts.staging),
        acknowledge,
        MemoryDigests(),
    )
    presence = PostgresPresence(parts.database)
    uses = TusUseCases(
        create=create_upload(parts),
        concatenate=_concatenate(parts),
        find=FindUpload(ledger, writers, presence),
        append=AppendBytes(ledger, writers, presence, buffers, admit, receive),
        end=end,
        received=metrics.counter("received_bytes", "Body bytes of uploads."),
    )
    return [
        build_tus_routes(uses, callers),
        build_form_routes(_form(parts, uses, writers), callers),
    ]


def _form(parts: Parts, uses: TusUseCases, writers: AsyncioWriters) -> FormUseCases:
    """The same creating, receiving and ending as that of tus, file by file."""
    limits = parts.settings.upload
    receive = ReceiveFile(
        parts.ledger,
        uses.create,
        uses.append,
        uses.end,
        RejectContent(parts.ledger, parts.clock),
        parts.clear,
        PuremagicSniffer(),
        limits.accept_any,
    )
    pace = PostgresPace(parts.database, parts.settings.admission.per_minute)
    whole = ReceiveForm(parts.store, pace, receive, limits.form_files)
    refused = statuses.refusals(parts.telemetry.metrics)
    return FormUseCases(whole, writers, limits.max_size, uses.received, refused)


def _concatenate(parts: Parts) -> ConcatenateUploads:
    upload, admission = parts.settings.upload, parts.settings.admission
    return ConcatenateUploads(
        parts.ledger,
        parts.store,
        PostgresPace(parts.database, admission.per_minute),
        parts.clock,
        Terms(upload.sizes, upload.part_size, upload.expiry, upload.accept_any),
    )


def open_writers(settings: UploadSettings) -> AsyncioWriters:
    slowest = Slowest(settings.min_rate, settings.rate_window)
    return AsyncioWriters(stall=settings.stall, slowest=slowest)
