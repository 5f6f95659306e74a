"""The kinds of upload: which formats, how large, and who may (design §6)."""

from dataclasses import dataclass
from typing import Literal, get_args

from common.events import MediaKind
from upload_gateway.domain.errors import KindForbidden
from upload_gateway.domain.formats import Format, declared_as, named_as

MIB = 1024 * 1024
Role = Literal["admin", "user"]
KINDS: tuple[MediaKind, ...] = get_args(MediaKind)


@dataclass(frozen=True, slots=True)
class KindRules:
    """`max_size` in bytes, None where only the general limit counts."""

    formats: frozenset[Format]
    roles: frozenset[Role]
    max_size: int | None = None


_ANYBODY: frozenset[Role] = frozenset({"admin", "user"})
_ADMIN: frozenset[Role] = frozenset({"admin"})

RULES: dict[MediaKind, KindRules] = {
    "audio": KindRules(
        frozenset({"flac", "wav", "aiff", "mp3", "m4a", "aac", "ogg", "opus"}), _ADMIN
    ),
    "image": KindRules(frozenset({"jpeg", "png", "webp", "gif", "tiff", "heic"}), _ANYBODY),
    "video": KindRules(frozenset({"mp4", "mov", "webm"}), _ANYBODY),
    "avatar": KindRules(frozenset({"jpeg", "png", "webp"}), _ANYBODY, max_size=10 * MIB),
}

# avatars are asked for by name only, or every portrait photo would be one
_DERIVED: tuple[MediaKind, ...] = ("audio", "image", "video")


def require_role(role: Role, kind: MediaKind) -> None:
    """Raises KindForbidden for a kind that this role may not upload."""
    if role not in RULES[kind].roles:
        raise KindForbidden(f"the role {role} may not upload {kind}")


def kind_for(declared: str | None, extension: str | None, role: Role) -> MediaKind:
    """The kind when the client named none: by type, else extension, else what the role sends.

    A wrong guess costs nothing but the bytes: what was sniffed decides before anything becomes
    visible.
    """
    for formats in (declared_as(declared or ""), named_as(extension or "")):
        for kind in _DERIVED:
            if formats & RULES[kind].formats:
                return kind
    return "audio" if role == "admin" else "image"
