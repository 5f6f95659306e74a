"""Header fields of `/m/` answers: pure and exact (DLV-06, DLV-07, SEC-05..08)."""

from collections.abc import Sequence
from email.utils import format_datetime

from delivery.domain import cache_policy, content
from delivery.domain.cache_policy import Headers
from delivery.domain.conditions import Validators
from delivery.domain.media import StoredMedia
from delivery.usecases.serve_media import MediaAnswer

RawHeaders = list[tuple[bytes, bytes]]
ALLOW: Headers = (("allow", "GET, HEAD"),)


def guards(resource_policy: str) -> Headers:
    """What makes hostile bytes harmless, on every answer of `/m/` (security.md 3)."""
    return (
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cross-origin-resource-policy", resource_policy),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    )


def of_answer(answer: MediaAnswer) -> Headers:
    """What any answer about an object says: how long it may be kept, and which version it is."""
    return (*cache_policy.of_media(answer.mode, answer.status), *_validators(answer.validators))


def of_body(media: StoredMedia, length: int, *, content_type: str | None = None) -> Headers:
    """What describes the bytes that follow (or would follow, for HEAD)."""
    served, disposition = content.served_type(media.content_type)
    name = f"{media.rendition}.{media.key.rpartition('.')[2]}"
    return (
        ("content-type", content_type or served),
        ("content-length", str(length)),
        ("content-disposition", content.content_disposition(disposition, name)),
        ("accept-ranges", "bytes"),
    )


def raw(*groups: Sequence[tuple[str, str]]) -> RawHeaders:
    """As ASGI wants them."""
    return [(name.encode(), value.encode("latin-1")) for group in groups for name, value in group]


def titled(*groups: Headers) -> dict[str, str]:
    """As `common.web.problems` wants them: in the case that replaces its own fields."""
    return {name.title(): value for group in groups for name, value in group}


def _validators(validators: Validators) -> Headers:
    tag = ("etag", f'"{validators.etag}"')
    if validators.modified is None:
        return (tag,)
    return (tag, ("last-modified", format_datetime(validators.modified, usegmt=True)))
