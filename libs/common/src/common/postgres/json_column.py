"""JSON columns of plain statements: the driver reads them only where a statement names types."""

import json
from typing import Any


def json_of_column(value: Any) -> Any:
    """What a `json` or `jsonb` column holds, come as text or read already.

    Not for a column that may hold one bare JSON string: the two could not be told apart.
    """
    return json.loads(value) if isinstance(value, str) else value
