"""Processing to and from its row; pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from common.events import Envelope
from common.ids import AssetId, EventId, ObjectKey, RunId
from common.postgres.json_column import json_of_column
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.processing import Processing, RunState, SourceObject, StepState

# of the cause only what goes on into the facts that follow from it
_CAUSE = ("id", "source", "type", "time", "subject", "sequence", "correlation_id", "traceparent")


def to_row(processing: Processing) -> dict[str, object]:
    """Column values; JSON columns as text."""
    info = processing.info
    return {
        "asset_id": processing.asset_id,
        "run": processing.run,
        "state": processing.state.value,
        **asdict(processing.source),
        "info": json.dumps(_measures(info)) if info else None,
        "steps": json.dumps([[name, state.value] for name, state in processing.steps.items()]),
        "stops": processing.stops,
        "sequence": processing.sequence,
        "details_sequence": processing.details_sequence,
        "cause": json.dumps({name: _plain(getattr(processing.cause, name)) for name in _CAUSE}),
    }


def to_processing(row: Mapping[str, Any]) -> Processing:
    """The other way round."""
    info = row["info"]
    return Processing(
        asset_id=AssetId(row["asset_id"]),
        run=RunId(row["run"]),
        state=RunState(row["state"]),
        source=SourceObject(
            kind=row["kind"],
            key=ObjectKey(row["key"]),
            size=row["size"],
            sha256=row["sha256"],
            content_type=row["content_type"],
        ),
        info=MediaInfo(**json_of_column(info)) if info is not None else None,
        steps={name: StepState(state) for name, state in json_of_column(row["steps"])},
        stops=row["stops"],
        sequence=row["sequence"],
        details_sequence=row["details_sequence"],
        cause=_cause(json_of_column(row["cause"])),
    )


def _measures(info: MediaInfo) -> dict[str, object]:
    return {name: value for name, value in asdict(info).items() if _is_measure(name)}


def _is_measure(name: str) -> bool:
    return name not in {"tags", "cue", "captured_at"}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _cause(told: dict[str, Any]) -> Envelope:
    return Envelope(
        **{
            **told,
            "id": EventId(UUID(told["id"])),
            "time": datetime.fromisoformat(told["time"]),
        }
    )
