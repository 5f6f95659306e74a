import pytest

from common.events import MediaKind
from upload_gateway.domain.acceptance import (
    Claim,
    Reason,
    Refusal,
    accepted,
    judged_content,
    labelled_content,
    likely_format,
)
from upload_gateway.domain.errors import KindForbidden, OverLimit, TypeNotAllowed
from upload_gateway.domain.formats import Format
from upload_gateway.domain.kinds import MIB, Role
from upload_gateway.domain.limits import Sizes

MAX = 4096 * MIB
SIZES = Sizes(MAX)


@pytest.mark.parametrize(
    ("kind", "declared", "extension", "role", "expected"),
    [
        ("audio", "audio/flac", "flac", "admin", "audio"),
        (None, "audio/x-flac", None, "admin", "audio"),
        (None, "IMAGE/JPEG; q=1", None, "user", "image"),
        (None, None, "mov", "user", "video"),
        (None, "application/octet-stream", "heic", "user", "image"),
        (None, "video/mp4", "mp3", "user", "video"),
        ("avatar", "image/png", "png", "user", "avatar"),
        (None, None, None, "admin", "audio"),
        (None, None, None, "user", "image"),
    ],
)
def test_the_kind_is_named_or_told_by_type_then_extension(
    kind: str | None, declared: str | None, extension: str | None, role: Role, expected: MediaKind
) -> None:
    assert accepted(Claim(kind, declared, extension, 1), role, SIZES).kind == expected


@pytest.mark.parametrize(
    ("kind", "declared"),
    [
        ("document", None),
        ("audio", "text/plain"),
        ("audio", "image/png"),
        ("avatar", "image/gif"),
        ("image", "image/svg+xml"),
        (None, "text/html"),
    ],
)
def test_a_declared_type_outside_the_list_is_refused(kind: str | None, declared: str) -> None:
    with pytest.raises(TypeNotAllowed):
        accepted(Claim(kind, declared, None, 1), "admin", SIZES)


def test_whoever_declares_another_type_is_told_those_of_the_kind() -> None:
    with pytest.raises(TypeNotAllowed) as refused:
        accepted(Claim("avatar", "image/gif", None, 1), "admin", SIZES)
    assert refused.value.extensions["taken"] == ["image/jpeg", "image/png", "image/webp"]


def test_audio_is_for_admins() -> None:
    with pytest.raises(KindForbidden):
        accepted(Claim("audio", "audio/flac", "flac", 1), "user", SIZES)


@pytest.mark.parametrize(
    ("kind", "length", "limit"), [("audio", MAX + 1, MAX), ("avatar", 10 * MIB + 1, 10 * MIB)]
)
def test_a_file_over_its_limit_is_refused_with_the_limit(
    kind: str, length: int, limit: int
) -> None:
    accepted(Claim(kind, None, None, limit), "admin", SIZES)
    with pytest.raises(OverLimit) as refused:
        accepted(Claim(kind, None, None, length), "admin", SIZES)
    assert refused.value.extensions == {"limit": "file_size", "allowed": limit, "kind": kind}


@pytest.mark.parametrize(
    ("kind", "declared", "extension", "sniffed", "verdict"),
    [
        ("audio", "audio/flac", "flac", {"flac"}, "flac"),
        ("audio", None, None, {"flac"}, "flac"),
        ("audio", "audio/mp4", "m4a", {"mp4", "m4a"}, "m4a"),
        ("video", "video/mp4", "mp4", {"mp4", "m4a"}, "mp4"),
        ("audio", "audio/ogg", "ogg", {"opus"}, "opus"),
        ("audio", "application/octet-stream", "mp3", {"mp3"}, "mp3"),
    ],
)
def test_content_is_kept_when_all_agree(
    kind: MediaKind,
    declared: str | None,
    extension: str | None,
    sniffed: set[Format],
    verdict: Format,
) -> None:
    assert judged_content(kind, declared, extension, frozenset(sniffed)) == verdict


@pytest.mark.parametrize(
    ("kind", "declared", "extension", "sniffed", "reason"),
    [
        ("audio", "audio/mpeg", "mp3", set(), "unrecognized_content"),
        ("audio", "audio/mpeg", "mp3", {"png"}, "content_not_allowed"),
        ("audio", "audio/mpeg", "mp3", {"flac"}, "extension_mismatch"),
        ("audio", "audio/mpeg", "exe", {"mp3"}, "extension_mismatch"),
        ("audio", "audio/mpeg", None, {"flac"}, "type_mismatch"),
        ("avatar", "image/png", "png", {"gif"}, "content_not_allowed"),
        ("video", "video/mp4", "mp4", {"mov"}, "extension_mismatch"),
    ],
)
def test_content_is_refused_with_a_reason_when_they_do_not(
    kind: MediaKind,
    declared: str | None,
    extension: str | None,
    sniffed: set[Format],
    reason: Reason,
) -> None:
    assert judged_content(kind, declared, extension, frozenset(sniffed)) == Refusal(reason)


@pytest.mark.parametrize(
    ("kind", "declared", "extension", "likely"),
    [
        ("audio", "audio/mpeg", "mp3", "mp3"),
        ("audio", None, "ogg", "ogg"),
        ("audio", "audio/ogg", "opus", "opus"),
        ("audio", None, "exe", None),
        ("image", None, None, None),
    ],
)
def test_the_object_is_named_by_what_is_likely(
    kind: MediaKind, declared: str | None, extension: str | None, likely: Format | None
) -> None:
    assert likely_format(kind, declared, extension) == likely


@pytest.mark.parametrize(
    ("kind", "declared", "extension", "sniffed", "label"),
    [
        # both are possible by their bytes: what the client says chooses
        ("audio", "audio/opus", None, {"ogg", "opus"}, "opus"),
        ("audio", None, "opus", {"ogg", "opus"}, "opus"),
        ("audio", "audio/flac", "flac", {"ogg", "opus"}, "ogg"),
        # what the client says beside the bytes counts for nothing
        ("audio", "audio/flac", "flac", {"mp3"}, "mp3"),
        ("audio", "audio/flac", "flac", set(), "other"),
        # a picture sent as sound is not played as sound, nor shown
        ("audio", "image/png", "png", {"png"}, "other"),
        ("avatar", "image/gif", "gif", {"gif"}, "other"),
    ],
)
def test_where_everything_is_kept_only_bytes_of_its_kind_give_a_type(
    kind: MediaKind,
    declared: str | None,
    extension: str | None,
    sniffed: set[Format],
    label: Format,
) -> None:
    assert labelled_content(kind, declared, extension, frozenset(sniffed)) == label
