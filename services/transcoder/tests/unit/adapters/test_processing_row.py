import json
from dataclasses import replace
from typing import Any

from services.transcoder.tests.memory import FLAC, a_request, an_envelope

from transcoder.adapters.processing_row import to_processing, to_row
from transcoder.domain.plan import make_plan
from transcoder.domain.processing import Processing, begin


def read_back(processing: Processing) -> Processing:
    row: dict[str, Any] = to_row(processing)
    return to_processing({name: _as_the_driver_gives(name, value) for name, value in row.items()})


def _as_the_driver_gives(name: str, value: Any) -> Any:
    json_column = name in {"info", "steps", "cause"} and value is not None
    return json.loads(value) if json_column else value


def test_a_row_says_what_the_processing_was() -> None:
    fresh = begin(a_request(), replace(an_envelope(), correlation_id="c"), None)
    assert fresh is not None
    assert read_back(fresh) == fresh
    probed = fresh.probed(FLAC, make_plan("audio", FLAC, pre_encode=True))
    assert read_back(probed) == probed
    assert list(read_back(probed).steps) == ["mp3-192", "aac-128"]


def test_no_name_of_the_file_is_in_a_row() -> None:
    fresh = begin(a_request(), an_envelope(), None)
    assert fresh is not None
    probed = fresh.probed(
        replace(FLAC, tags={"title": "Canary"}, cue="Canary"),
        make_plan("audio", FLAC, pre_encode=True),
    )
    assert "Canary" not in str(to_row(probed))
