"""What became of an upload -> what becomes of its asset."""

from catalog.consumers.dispatch import Handlers
from catalog.usecases.abandon_asset import AbandonAsset
from catalog.usecases.record_upload_start import RecordUploadStart
from catalog.usecases.register_asset import RegisterAsset
from catalog.usecases.withdraw_asset import WithdrawAsset
from common.events import (
    UploadAborted,
    UploadCompleted,
    UploadExpired,
    UploadRejected,
    UploadStarted,
    UploadWithdrawn,
)


def upload_handlers(
    *,
    start: RecordUploadStart,
    register: RegisterAsset,
    abandon: AbandonAsset,
    withdraw: WithdrawAsset,
) -> Handlers:
    """Every fact of the gateway that an asset hears of."""
    return {
        UploadStarted: start,
        UploadCompleted: register,
        UploadRejected: abandon,
        UploadAborted: abandon,
        UploadExpired: abandon,
        UploadWithdrawn: withdraw,
    }
