"""What spans services, judged from what each of them says of the same subject. Pure."""

from collections.abc import Callable

from common.fsck import CrossCheck

OVER = frozenset({"rejected", "aborted", "expired"})
LIVING = frozenset({"stored", "processing", "ready", "failed"})
UNDECIDED = frozenset({"stored", "processing"})

Said = tuple[str | None, ...]


def upload_ended(said: Said) -> str | None:
    """(gateway's upload, catalog's asset, transcoder's work) of one asset."""
    upload, asset, work = said
    if upload == "stored":
        return _stored(asset, work)
    if upload == "duplicate" and asset != "duplicate":
        return f"the gateway calls it a duplicate, the catalog {asset or 'does not know it'}"
    if upload == "withdrawn" and asset in LIVING:
        return f"withdrawn, and the catalog has it {asset}"
    if upload in OVER and asset in LIVING | {"uploading"}:
        return f"the upload is {upload}, and the catalog has it {asset}"
    return None


def _stored(asset: str | None, work: str | None) -> str | None:
    if asset is None or asset == "uploading":
        return "acknowledged as stored, and the catalog has not heard of it"
    if asset == "duplicate":
        return "a duplicate, and the gateway still calls it stored"
    if asset in UNDECIDED and work is None:
        return f"{asset}, and nobody works on it"
    return None


def reached(what: str) -> Callable[[Said], str | None]:
    """(last sequence told, last sequence taken) of one key; a parked key is told elsewhere."""

    def judge(said: Said) -> str | None:
        told, taken = said
        if told is None or taken == "parked":
            return None
        behind = int(taken or 0) < int(told)
        return f"{what} #{told} was told, #{taken or 0} is applied" if behind else None

    return judge


def taken(what: str) -> Callable[[Said], str | None]:
    """(event told, event taken): the same id on both sides."""

    def judge(said: Said) -> str | None:
        key, seen = said
        return f"{what} of {key} was never taken" if key is not None and seen is None else None

    return judge


CROSS_CHECKS = (
    CrossCheck(
        "uploads-end",
        "I1",
        "every stored upload is ready, failed, duplicate or withdrawn, or is worked on",
        ("upload-gateway.uploads", "catalog.assets", "transcoder.work"),
        upload_ended,
    ),
    CrossCheck(
        "uploads-applied",
        "I7",
        "the catalog has applied what the gateway told",
        ("upload-gateway.told", "catalog.applied-uploads"),
        reached("fact"),
    ),
    CrossCheck(
        "renditions-applied",
        "I7",
        "the catalog has applied what the transcoder told",
        ("transcoder.told", "catalog.applied-renditions"),
        reached("fact"),
    ),
    CrossCheck(
        "purges-applied",
        "I7",
        "the catalog has applied what the janitor told",
        ("janitor.told", "catalog.applied-purges"),
        reached("fact"),
    ),
    CrossCheck(
        "requests-taken",
        "I7",
        "the transcoder has taken every request for processing",
        ("catalog.requests", "transcoder.inbox"),
        taken("a request"),
    ),
    CrossCheck(
        "uploads-purged",
        "I7",
        "the janitor has taken every order of the gateway",
        ("upload-gateway.orders", "janitor.taken"),
        taken("an order"),
    ),
    CrossCheck(
        "assets-purged",
        "I7",
        "the janitor has taken every order of the catalog",
        ("catalog.orders", "janitor.taken"),
        taken("an order"),
    ),
    CrossCheck(
        "index-current",
        "I7",
        "this node's index has every state record",
        ("catalog.state", "delivery.index"),
        reached("record"),
    ),
)
