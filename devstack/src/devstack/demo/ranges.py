"""Fetches parts of the original through its link and compares them with the file on disk."""

from dataclasses import dataclass

from devstack.demo.api import DemoApi
from devstack.demo.files import DemoFile

_SPAN = 64 * 1024


@dataclass(frozen=True, slots=True)
class RangeCheck:
    """One range and whether status, header and bytes were right."""

    what: str
    first: int
    last: int
    right: bool


def check_ranges(api: DemoApi, file: DemoFile, url: str, part_size: int) -> list[RangeCheck]:
    size = file.size
    # A file of one part has no boundary to cross.
    border, where = (
        (part_size, "across a part boundary") if size > part_size else (size // 2, "the middle")
    )
    wanted = [
        ("the first 64 KiB", 0, min(size, _SPAN) - 1),
        (where, max(0, border - 1000), min(size, border + 1000) - 1),
        ("the last 100 bytes", max(0, size - 100), size - 1),
    ]
    return [RangeCheck(what, a, z, _right(api, file, url, a, z)) for what, a, z in wanted]


def _right(api: DemoApi, file: DemoFile, url: str, first: int, last: int) -> bool:
    answer = api.byte_range(url, first, last)
    with file.path.open("rb") as source:
        source.seek(first)
        expected = source.read(last - first + 1)
    said = answer.headers.get("content-range") == f"bytes {first}-{last}/{file.size}"
    return answer.status_code == 206 and said and answer.content == expected
