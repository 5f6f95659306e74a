"""The range planner: from a Range header to the bytes that answer it (RFC 9110 14).

Policy, within what the RFC leaves open: a header that is malformed or of another unit is ignored
(200); one satisfiable range is 206, also when it covers everything; two to eight are one
multipart/byteranges; more than eight, three or more on the same byte, or together longer than the
file are 416; fewer that overlap are merged. As each answer is disjoint, no answer is ever longer
than the file.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_RANGES = 8
MAX_HEADER = 32_768  # characters; a longer one is answered 416 without being read

# [0-9] and not \d or int(): those also take other scripts, signs and underscores
_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_OWS = " \t"
_FAR = 1 << 63


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last`, both included, of a file."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1

    def content_range(self, size: int) -> str:
        """The value of Content-Range."""
        return f"bytes {self.first}-{self.last}/{size}"


@dataclass(frozen=True, slots=True)
class Whole:
    """Answer the whole file."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Answer these disjoint ranges: one alone, or several as multipart."""

    ranges: tuple[ByteRange, ...]


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """Answer 416."""


Plan = Whole | Partial | Unsatisfiable
_Spec = tuple[int | None, int | None]


def plan(header: str | None, size: int) -> Plan:
    """What to answer to `Range: <header>` on a file of `size` bytes."""
    if header is None:
        return Whole()
    if len(header) > MAX_HEADER:
        return Unsatisfiable()
    unit, equals, text = header.strip(_OWS).partition("=")
    if not equals or unit.lower() != "bytes":
        return Whole()
    specs = _specs(text)
    if not specs:
        return Whole()
    if len(specs) > MAX_RANGES:
        return Unsatisfiable()
    return _plan_of(specs, size)


def _plan_of(specs: Sequence[_Spec], size: int) -> Plan:
    if size == 0 and any(first is None and last for first, last in specs):
        return (
            Whole()
        )  # "the last n bytes" of nothing is satisfiable, and no Content-Range can say so
    found = [resolved for spec in specs if (resolved := _resolve(spec, size))]
    if not found or _heavy(found, size):
        return Unsatisfiable()
    return Partial(tuple(_merged(found)))


def _specs(text: str) -> list[_Spec] | None:
    """The members of the set; None when one is malformed; reading stops one past the limit."""
    specs: list[_Spec] = []
    for member in text.split(","):
        item = member.strip(_OWS)
        if not item:
            continue  # empty list elements are legal (RFC 9110 5.6.1)
        spec = _spec(item)
        if spec is None:
            return None
        specs.append(spec)
        if len(specs) > MAX_RANGES:
            break
    return specs


def _spec(item: str) -> _Spec | None:
    match = _SPEC.fullmatch(item)
    if match is None:
        return None
    first, last = _number(match[1]), _number(match[2])
    if first is None and last is None:
        return None
    if first is not None and last is not None and last < first:
        return None
    return first, last


def _number(digits: str) -> int | None:
    if not digits:
        return None
    significant = digits.lstrip("0")
    if len(significant) > 18:
        return _FAR  # beyond any file; also keeps int() from numbers of thousands of digits
    return int(significant or "0")


def _resolve(spec: _Spec, size: int) -> ByteRange | None:
    first, last = spec
    if first is None:
        suffix = min(last or 0, size)
        return ByteRange(size - suffix, size - 1) if suffix else None
    if first >= size:
        return None
    return ByteRange(first, size - 1 if last is None else min(last, size - 1))


def _heavy(ranges: Sequence[ByteRange], size: int) -> bool:
    if sum(each.length for each in ranges) > size:
        return True
    return any(sum(r.first <= each.first <= r.last for r in ranges) > 2 for each in ranges)


def _merged(ranges: Sequence[ByteRange]) -> Iterable[ByteRange]:
    """As asked when they are disjoint; else in ascending order with the overlaps merged."""
    ordered = sorted(ranges, key=lambda each: each.first)
    merged = [ordered[0]]
    for each in ordered[1:]:
        before = merged[-1]
        if each.first <= before.last:
            merged[-1] = ByteRange(before.first, max(before.last, each.last))
        else:
            merged.append(each)
    return ranges if len(merged) == len(ranges) else merged
