"""Files that are generated and committed: write them, or prove that nobody forgot to."""

from collections.abc import Mapping
from pathlib import Path

from common.errors import Conflict
from reprise_cli.output import print_line


def check_or_write(texts: Mapping[Path, str], *, check: bool) -> None:
    """Write each text to its file; with `check`, Conflict (`out_of_date`) names what differs."""
    stale = [path for path, text in texts.items() if _content(path) != text]
    if check:
        if stale:
            names = ", ".join(str(path) for path in stale)
            raise Conflict(f"{names} is not what the code says", code="out_of_date")
        print_line(f"{len(texts)} up to date")
        return
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8")
        print_line(f"wrote {path}")
    if not stale:
        print_line("nothing to do")


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
