"""What runs without a caller: verification, sweeps, consumers, the relay."""

from datetime import timedelta

from common.events.topics import UPLOAD_GATEWAY as SERVICE
from common.jobs.queue import WAKE
from common.relay.outbox import publish_outbox
from common.subscriber.consume import Consumption, consume
from common.subscriber.dead_letters import DeadLetters
from common.web.loops import Loop
from upload_gateway.adapters.postgres_feed import PostgresFeed
from upload_gateway.adapters.postgres_transaction import VERIFY
from upload_gateway.consumers import assets, purges, renditions
from upload_gateway.sweeps.expiry import build_expiry_sweep
from upload_gateway.sweeps.forgetting import build_forgetting
from upload_gateway.usecases.build_final import BuildFinal
from upload_gateway.usecases.complete_object import CompleteObject
from upload_gateway.usecases.expire_uploads import ExpireUploads
from upload_gateway.usecases.follow_asset import FollowAsset
from upload_gateway.usecases.forget_name import ForgetName
from upload_gateway.usecases.give_up_upload import GiveUpUpload
from upload_gateway.usecases.mark_duplicate import MarkDuplicate
from upload_gateway.usecases.read_back import ReadBack
from upload_gateway.usecases.strand_upload import StrandUpload
from upload_gateway.usecases.verify_upload import VerifyUpload
from upload_gateway.wiring.parts import Parts
from upload_gateway.wiring.shared_usecases import judge
from upload_gateway.workers.verify import build_verify_worker


def verify_loop(parts: Parts) -> Loop:
    verify = VerifyUpload(
        parts.ledger,
        parts.store,
        CompleteObject(parts.store),
        ReadBack(parts.store),
        BuildFinal(parts.ledger, parts.store, CompleteObject(parts.store), ReadBack(parts.store)),
        judge(parts),
        parts.clock,
    )
    worker = build_verify_worker(
        verify,
        parts.clear,
        GiveUpUpload(parts.ledger, parts.clock),
        StrandUpload(parts.ledger),
        parts.jobs,
        kind=VERIFY,
        concurrency=parts.settings.upload.verify_concurrency,
        wake=parts.database.wake(WAKE),
        metrics=parts.telemetry.metrics,
    )
    return worker.loop


def expiry_loop(parts: Parts) -> Loop:
    interval = parts.settings.upload.sweep_interval
    patience = timedelta(seconds=interval)
    return build_expiry_sweep(
        ExpireUploads(parts.ledger, parts.clear, parts.clock, patience), interval
    )


def forgetting_loop(parts: Parts) -> Loop:
    """What owners were told, and what leases and names are left, for as long as it is kept."""
    return build_forgetting(
        PostgresFeed(parts.database),
        parts.ledger,
        parts.clock,
        timedelta(seconds=parts.settings.telling.kept),
        parts.settings.upload.sweep_interval,
    )


def build_consumers(parts: Parts, dead_letters: DeadLetters) -> Consumption:
    follow = FollowAsset(parts.ledger)
    handlers = {
        assets.GROUP: assets.build_assets_handler(MarkDuplicate(parts.ledger), follow),
        renditions.GROUP: renditions.build_renditions_handler(follow),
        purges.GROUP: purges.build_purges_handler(ForgetName(parts.ledger, parts.clock)),
    }
    settings = parts.settings
    return consume(
        settings.kafka,
        SERVICE,
        handlers,
        dead_letters,
        parts.telemetry.metrics,
        parts.database,
        required="http" not in settings.process.roles,
    )


def relay_loop(parts: Parts) -> Loop:
    settings, metrics = parts.settings, parts.telemetry.metrics
    return publish_outbox(
        settings.kafka,
        settings.postgres,
        SERVICE,
        parts.database,
        clock=parts.clock,
        metrics=metrics,
        tracer=parts.telemetry.tracer,
    )
