from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from common.errors import Invalid, RepriseError
from common.ids import UserId, asset_of_key, new_asset_id, original_key
from upload_gateway.domain.birth import NewUpload, Terms, born
from upload_gateway.domain.errors import ContentRefused
from upload_gateway.domain.limits import Sizes
from upload_gateway.domain.presigning import (
    EASY_PUT,
    MAX_PUT,
    PartAsked,
    Told,
    agreed,
    chosen_way,
    refusal_of,
    require_object,
    require_parts,
    whole_parts,
)
from upload_gateway.domain.presigning_errors import (
    CommitMismatch,
    DigestNeeded,
    FileRefused,
    ObjectDiffers,
    ObjectMissing,
    PartsMissing,
    UseTus,
)
from upload_gateway.domain.upload import Part, Stored, Upload
from upload_gateway.domain.ways_in import Presigned

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOTH, PUT, PARTS = (
    Presigned(True, True, False),
    Presigned(True, False, False),
    Presigned(False, True, True),
)
DIGEST = "ab" * 32


def upload(length: int = 35, **more: Any) -> Upload:
    told = {"filename": "a.flac", "filetype": "audio/flac"}
    new = NewUpload(UserId(UUID(int=1)), "admin", length, "", told, mode="multipart")
    return replace(born(new, Terms(Sizes(MAX_PUT), 10, 100), NOW), **more)


@pytest.mark.parametrize(
    ("ways", "asked", "size", "digest", "way"),
    [
        (BOTH, None, 10, DIGEST, "put"),
        (BOTH, None, EASY_PUT + 1, DIGEST, "multipart"),
        (BOTH, None, 10, None, "multipart"),
        (BOTH, "put", EASY_PUT + 1, DIGEST, "put"),
        (BOTH, "multipart", 10, DIGEST, "multipart"),
        (PUT, None, EASY_PUT + 1, DIGEST, "put"),
        (PARTS, None, 10, DIGEST, "multipart"),
    ],
)
def test_small_files_with_a_digest_go_in_one_request_and_large_ones_in_parts(
    ways: Presigned, asked: Any, size: int, digest: str | None, way: str
) -> None:
    assert chosen_way(ways, asked, size, digest) == way


@pytest.mark.parametrize(
    ("ways", "asked", "size", "digest", "error"),
    [
        (Presigned(False, False, False), None, 10, DIGEST, UseTus),
        (PUT, "multipart", 10, DIGEST, UseTus),
        (PARTS, "put", 10, DIGEST, UseTus),
        (BOTH, "put", MAX_PUT + 1, DIGEST, UseTus),
        (PUT, None, MAX_PUT + 1, DIGEST, UseTus),
        (PUT, None, 10, None, DigestNeeded),
        (BOTH, "put", 10, None, DigestNeeded),
    ],
)
def test_where_a_cut_body_might_count_the_client_is_sent_to_tus(
    ways: Presigned, asked: Any, size: int, digest: str | None, error: type[UseTus]
) -> None:
    with pytest.raises(UseTus) as refused:
        chosen_way(ways, asked, size, digest)
    assert type(refused.value) is error


@pytest.mark.parametrize("numbers", [(0,), (5,), (1, 1), (-1,), (1, 2, 3, 4, 5)])
def test_parts_that_an_upload_does_not_have_are_not_signed(numbers: tuple[int, ...]) -> None:
    require_parts(upload(), [PartAsked(n) for n in (4, 1)])
    with pytest.raises(Invalid):
        require_parts(upload(), [PartAsked(n) for n in numbers])


def test_only_all_parts_in_full_make_an_object() -> None:
    held = [Part(n, "e", 10) for n in (1, 2, 3)] + [Part(4, "e", 5)]
    assert whole_parts(upload(), [*held, Part(5, "late", 10)]) == held
    for wrong in (held[:3], [*held[:3], Part(4, "e", 4)], [Part(1, "e", 9), *held[1:]], []):
        with pytest.raises(PartsMissing):
            whole_parts(upload(), wrong)


def test_an_object_counts_only_in_the_declared_size_and_type() -> None:
    require_object(upload(), Stored(35, "e", "audio/flac"))
    with pytest.raises(ObjectMissing):
        require_object(upload(), None)
    for found in (Stored(34, "e", "audio/flac"), Stored(35, "e", "text/html")):
        with pytest.raises(ObjectDiffers):
            require_object(upload(), found)


def test_a_digest_may_be_said_once_and_nothing_else_anew() -> None:
    known = agreed(upload(parent="p"), Told(35, DIGEST, "audio/flac", "p"))
    assert known.declared_sha256 == DIGEST
    for told in (Told(size=34), Told(sha256="cd" * 32), Told(parent="q"), Told(content_type="a/b")):
        with pytest.raises(CommitMismatch):
            agreed(known, told)
    with pytest.raises(CommitMismatch):
        agreed(upload(state="verifying"), Told(sha256=DIGEST))


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("content_not_allowed", ContentRefused),
        ("type_mismatch", ContentRefused),
        ("checksum_mismatch", FileRefused),
        ("bytes_lost", FileRefused),
    ],
)
def test_a_rejection_is_told_the_same_each_time(reason: str, error: type[RepriseError]) -> None:
    told = refusal_of(upload(state="rejected", reason=reason))
    assert isinstance(told, error)
    assert told.code == reason
    assert refusal_of(upload(state="stored")) is None


@pytest.mark.req("UPL-20")
def test_a_hundred_thousand_keys_are_all_different_and_each_names_its_asset() -> None:
    assets = [new_asset_id() for _ in range(100_000)]
    keys = [original_key(asset, "flac") for asset in assets]
    assert len(set(keys)) == len(keys)
    assert [asset_of_key(key) for key in keys] == assets
