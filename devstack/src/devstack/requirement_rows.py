"""The rows of docs/reference/requirements.md: which exist, in which order."""

import re
from pathlib import Path

from devstack.repository import ROOT

REQUIREMENTS = ROOT / "docs" / "reference" / "requirements.md"
_ROW = re.compile(r"^\| ([A-Z]{2,4}-\d{2,3}) \|", re.MULTILINE)


def requirement_rows(path: Path = REQUIREMENTS) -> tuple[str, ...]:
    """Every row id, once, in the order of the document."""
    return tuple(dict.fromkeys(_ROW.findall(path.read_text(encoding="utf-8"))))
