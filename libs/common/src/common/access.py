"""The one permission rule: may_view, may_stream, may_download; pure.

Metadata, thumbnails, renditions and downloads all ask here, so that no route can be more generous
than another (security.md 3). What is not known is denied.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

PUBLIC = "public"
OWNER = "owner"
CIRCLE = "circle"
VISIBLE_STATES = frozenset({"stored", "processing", "ready"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is looking: a user or nobody (None); the role `admin` sees all living media."""

    user_id: UUID | None
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at; `members` are those of the circles it is shown to."""

    owner: UUID
    state: str
    visibility: str
    members: Collection[UUID] = field(default_factory=frozenset)
    blocked: Collection[UUID] = field(default_factory=frozenset)
    original_policy: str = "on-request"


def may_view(viewer: Viewer, subject: Subject) -> bool:
    """Whether the viewer may know that the subject exists and see it."""
    if subject.state not in VISIBLE_STATES:
        return False
    if viewer.user_id is not None and viewer.user_id == subject.owner:
        return True
    if viewer.admin:
        return True
    if viewer.user_id is not None and viewer.user_id in subject.blocked:
        return False
    if subject.visibility == PUBLIC:
        return True
    return (
        subject.visibility == CIRCLE
        and viewer.user_id is not None
        and viewer.user_id in subject.members
    )


def may_stream(viewer: Viewer, subject: Subject, *, original: bool = False) -> bool:
    """Whether the viewer may play it; the original only where the policy allows it (X5)."""
    if not may_view(viewer, subject):
        return False
    return not original or subject.original_policy != "never" or viewer.user_id == subject.owner


def may_download(viewer: Viewer, subject: Subject) -> bool:
    """Downloading the original is a right of its own (design §5); who may view has it."""
    return may_view(viewer, subject)
