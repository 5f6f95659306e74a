"""Decides whether an upload may start, and whether what arrived may be kept."""

from dataclasses import dataclass
from typing import Literal

from common.events import MediaKind
from upload_gateway.domain.errors import OverLimit, TypeNotAllowed
from upload_gateway.domain.formats import (
    NAMINGS,
    Format,
    content_types,
    declared_as,
    essence,
    named_as,
)
from upload_gateway.domain.kinds import KINDS, RULES, Role, kind_for, require_role
from upload_gateway.domain.limits import Sizes

Reason = Literal[
    "empty", "size_mismatch", "unrecognized_content", "content_not_allowed",
    "extension_mismatch", "type_mismatch", "checksum_mismatch", "bytes_lost",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """What a client says of a file before it sends it; `length` None when it cannot know yet."""

    kind: str | None
    declared_type: str | None
    extension: str | None
    length: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why content may not be kept."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The kind under which an upload starts, and the bytes it may have at most."""

    kind: MediaKind
    limit: int


def accepted(claim: Claim, role: Role, sizes: Sizes, *, accept_any: bool = False) -> Acceptance:
    """What the upload may become.

    Raises TypeNotAllowed for an unknown kind or a declared type outside the kind's list,
    KindForbidden for the role, OverLimit for the length. An extension is judged with the content,
    not here (protocols.md 1.8). `accept_any` takes every declared type.
    """
    declared = essence(claim.declared_type)
    if accept_any and not declared_as(declared or ""):
        declared = None
    kind = _kind(claim, declared, role)
    rules = RULES[kind]
    require_role(role, kind)
    if declared is not None and not accept_any and not declared_as(declared) & rules.formats:
        taken = content_types(rules.formats)
        raise TypeNotAllowed(f"this type is not taken as {kind}", kind=kind, taken=taken)
    limit = sizes.of(kind)
    if claim.length is not None and claim.length > limit:
        raise OverLimit(limit, kind)
    return Acceptance(kind, limit)


def vouched(declared_type: str | None, *, accept_any: bool) -> str | None:
    """What is kept of a declared type: one that nobody vouches for is nowhere repeated."""
    known = declared_as(essence(declared_type) or "")
    return declared_type if known or not accept_any else None


def judged_content(
    kind: MediaKind,
    declared_type: str | None,
    extension: str | None,
    sniffed: frozenset[Format],
) -> Format | Refusal:
    """The format that content, declared type, extension and kind agree on, or why they do not.

    `sniffed` holds every format the first bytes may be: some containers do not say more (an MP4 of
    the plain brand may be audio only).
    """
    allowed = sniffed & RULES[kind].formats
    declared = essence(declared_type)
    if not sniffed:
        return Refusal("unrecognized_content")
    if not allowed:
        return Refusal("content_not_allowed")
    if extension is not None and not (allowed := allowed & named_as(extension)):
        return Refusal("extension_mismatch")
    if declared is not None and not (allowed := allowed & declared_as(declared)):
        return Refusal("type_mismatch")
    return min(allowed)


def labelled_content(
    kind: MediaKind,
    declared_type: str | None,
    extension: str | None,
    sniffed: frozenset[Format],
) -> Format:
    """The format of content that is kept whatever it is (`accept_any`).

    Only the bytes give it a type; what the client says chooses among what they may be. All else is
    `other`, which nobody plays, paints or runs.
    """
    possible = sniffed & RULES[kind].formats
    for said in (named_as(extension or ""), declared_as(essence(declared_type) or "")):
        possible = possible & said or possible
    return min(possible, default="other")


def likely_format(
    kind: MediaKind, declared_type: str | None, extension: str | None
) -> Format | None:
    """The format to name the object by before a byte has arrived; None when nothing tells."""
    named = named_as(extension or "") & RULES[kind].formats
    declared = declared_as(essence(declared_type) or "") & RULES[kind].formats
    likely = (named & declared) or declared or named
    # `.ogg` may be opus: the name that was given is kept
    return min(likely, key=lambda name: (NAMINGS[name].extension != extension, name), default=None)


def likely_type(kind: MediaKind, declared_type: str | None, extension: str | None) -> str:
    """The content type to write an object with before a byte has arrived."""
    likely = likely_format(kind, declared_type, extension)
    return NAMINGS[likely].content_type if likely else "application/octet-stream"


def _kind(claim: Claim, declared: str | None, role: Role) -> MediaKind:
    if claim.kind is None:
        if declared is not None and not declared_as(declared):
            raise TypeNotAllowed("this type is not taken as any kind")
        return kind_for(declared, claim.extension, role)
    for kind in KINDS:
        if claim.kind == kind:
            return kind
    raise TypeNotAllowed(f"kinds are {', '.join(KINDS)}")
