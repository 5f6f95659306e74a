"""JSON columns read the same from a plain statement and from one that names its types."""

import json

import pytest

from common.postgres.json_column import json_of_column


@pytest.mark.parametrize(
    "held", [{"ce_id": "one", "numbers": [1, 2]}, [["name", None]], {}, [], 7, True, None]
)
def test_the_same_is_read_of_text_and_of_what_the_driver_read(held: object) -> None:
    assert json_of_column(json.dumps(held)) == held
    assert json_of_column(held) == held
