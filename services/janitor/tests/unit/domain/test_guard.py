"""The guard lets a fact delete its own objects and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.ids import new_asset_id, new_upload_id, original_key, staging_key
from janitor.domain.errors import RefusesToDelete
from janitor.domain.guard import owned_keys

ASSET, OTHER = new_asset_id(), new_asset_id()
UPLOAD, OTHER_UPLOAD = new_upload_id(), new_upload_id()
OWN = original_key(ASSET, "flac")


def test_keys_of_the_very_asset_pass_once_each_and_in_order() -> None:
    second = original_key(ASSET, "jpg")
    assert owned_keys([second, OWN, second], asset_id=ASSET, upload_id=None) == (second, OWN)


def test_a_staged_segment_of_the_named_upload_passes() -> None:
    key = staging_key(UPLOAD, 8_388_608)
    assert owned_keys([key], asset_id=ASSET, upload_id=UPLOAD) == (key,)


@pytest.mark.parametrize(
    "key",
    [
        original_key(OTHER, "flac"),
        staging_key(OTHER_UPLOAD, 0),
        f"u/{ASSET}/",
        f"u/{ASSET}",
        "u/",
        "",
        f"staging/{UPLOAD}/",
        f"staging/{UPLOAD}/0",
        f"u/{ASSET}/../{OTHER}/original-0123456789abcdef.flac",
        f"u/{ASSET}/a/b",
        f"/u/{ASSET}/original-0123456789abcdef.flac",
        f"u/{str(ASSET).upper()}/original-0123456789abcdef.flac",
        f"{OWN}\n",
        f"{OWN}*",
    ],
    ids=[
        "another asset",
        "another upload",
        "a folder",
        "a folder without its slash",
        "all folders",
        "nothing",
        "all segments",
        "a segment that ends early",
        "a way out",
        "a deeper one",
        "a root",
        "capitals",
        "a line end",
        "a wildcard",
    ],
)
def test_anything_else_is_refused(key: str) -> None:
    with pytest.raises(RefusesToDelete):
        owned_keys([key], asset_id=ASSET, upload_id=UPLOAD)


def test_a_staged_segment_is_refused_when_the_fact_names_no_upload() -> None:
    with pytest.raises(RefusesToDelete):
        owned_keys([staging_key(UPLOAD, 0)], asset_id=ASSET, upload_id=None)


def test_one_foreign_key_refuses_the_whole_fact() -> None:
    with pytest.raises(RefusesToDelete, match="1 of 2"):
        owned_keys([OWN, original_key(OTHER, "flac")], asset_id=ASSET, upload_id=None)


@given(st.text(max_size=120))
def test_no_text_that_is_not_a_key_of_ours_passes(text: str) -> None:
    if text.startswith((f"u/{ASSET}/", f"staging/{UPLOAD}/")):
        return
    with pytest.raises(RefusesToDelete):
        owned_keys([text], asset_id=ASSET, upload_id=UPLOAD)
