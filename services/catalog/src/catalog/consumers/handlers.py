"""What is done with the records of each consumer group."""

from datetime import timedelta

from catalog.consumers.details import details_handler
from catalog.consumers.dispatch import Handle, dispatch
from catalog.consumers.purges import purge_handlers
from catalog.consumers.renditions import rendition_handlers
from catalog.consumers.uploads import upload_handlers
from catalog.ports import Transactions
from catalog.usecases.abandon_asset import AbandonAsset
from catalog.usecases.close_purged import ClosePurged
from catalog.usecases.condemn_flagged import CondemnFlagged
from catalog.usecases.end_run import EndRun
from catalog.usecases.keep_names import KeepNames
from catalog.usecases.record_plan import RecordPlan
from catalog.usecases.record_purge import RecordPurge
from catalog.usecases.record_rendition import RecordRendition
from catalog.usecases.record_upload_start import RecordUploadStart
from catalog.usecases.register_asset import RegisterAsset
from catalog.usecases.withdraw_asset import WithdrawAsset
from common.telemetry.metrics import Metrics

DETAILS_GROUP = "catalog.details"


def build_handlers(
    transactions: Transactions, grace: timedelta, metrics: Metrics
) -> dict[str, Handle]:
    """Group to handler, for every topic the catalog reads."""
    facts = {
        "catalog.uploads": upload_handlers(
            start=RecordUploadStart(transactions),
            register=RegisterAsset(transactions),
            abandon=AbandonAsset(transactions),
            withdraw=WithdrawAsset(transactions, grace),
        ),
        "catalog.renditions": rendition_handlers(
            plan=RecordPlan(transactions),
            rendition=RecordRendition(transactions),
            end=EndRun(transactions),
            flag=CondemnFlagged(transactions),
        ),
        "catalog.purges": purge_handlers(
            record=RecordPurge(transactions), close=ClosePurged(transactions)
        ),
    }
    handlers = {group: dispatch(group, table, metrics) for group, table in facts.items()}
    names = details_handler(DETAILS_GROUP, KeepNames(transactions), metrics)
    return handlers | {DETAILS_GROUP: names}
