"""Conditional requests: what a client already has, in the order of RFC 9110 13.2.2."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST = re.compile(r'[ \t,]*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+')

Outcome = Literal["send", "not_modified", "failed"]


@dataclass(frozen=True, slots=True)
class Validators:
    """What names this version: a strong tag, and the time of its last change in whole seconds."""

    etag: str
    modified: datetime | None


def evaluate(headers: Mapping[str, str], validators: Validators) -> Outcome:
    """What the preconditions of a GET or HEAD say.

    Header names are lower-case, repeated lines joined by `, `.
    """
    if not _may_go_on(headers, validators):
        return "failed"
    wanted = headers.get("if-none-match")
    if wanted is not None:
        return "not_modified" if _matches(wanted, validators.etag, weak=True) else "send"
    since = _date(headers.get("if-modified-since"))
    if since and validators.modified and validators.modified <= since:
        return "not_modified"
    return "send"


def range_applies(header: str | None, validators: Validators) -> bool:
    """Whether If-Range lets the Range stand: strong comparison only (13.1.5)."""
    if header is None:
        return True
    match = _TAG.fullmatch(header.strip())
    if match:
        return not match[1] and match[2] == validators.etag
    return validators.modified is not None and _date(header) == validators.modified


def _may_go_on(headers: Mapping[str, str], validators: Validators) -> bool:
    required = headers.get("if-match")
    if required is not None:
        return _matches(required, validators.etag, weak=False)
    unmodified = _date(headers.get("if-unmodified-since"))
    return not (unmodified and validators.modified and validators.modified > unmodified)


def _matches(header: str, etag: str, *, weak: bool) -> bool:
    text = header.strip()
    if text == "*":
        return True
    if not _LIST.fullmatch(text):
        return False
    return any(match[2] == etag and (weak or not match[1]) for match in _TAG.finditer(text))


def _date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        parsed = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
