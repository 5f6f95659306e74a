"""Use cases and adapters that more than one way in needs."""

from upload_gateway.adapters.postgres_capabilities import PostgresCapabilities, place_of
from upload_gateway.adapters.postgres_pace import PostgresPace
from upload_gateway.adapters.puremagic_sniffer import PuremagicSniffer
from upload_gateway.usecases.admit_upload import AdmitUpload
from upload_gateway.usecases.create_upload import CreateUpload
from upload_gateway.usecases.judge_content import JudgeContent
from upload_gateway.wiring.parts import Parts


def create_upload(parts: Parts) -> CreateUpload:
    upload, admission = parts.settings.upload, parts.settings.admission
    return CreateUpload(
        parts.ledger,
        parts.store,
        AdmitUpload(admission.limits),
        PostgresPace(parts.database, admission.per_minute),
        parts.clock,
        upload.sizes,
        upload.part_size,
        upload.expiry,
        upload.accept_any,
    )


def judge(parts: Parts) -> JudgeContent:
    return JudgeContent(parts.store, PuremagicSniffer(), parts.settings.upload.accept_any)


def store_capabilities(parts: Parts) -> PostgresCapabilities:
    return PostgresCapabilities(parts.database, place_of(parts.settings.storage))
