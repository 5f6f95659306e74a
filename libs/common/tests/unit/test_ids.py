from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import ids
from common.errors import Invalid

MANY = 100_000


def test_a_hundred_thousand_keys_of_one_asset_are_all_different() -> None:
    asset_id = ids.new_asset_id()
    assert len({ids.original_key(asset_id, "flac") for _ in range(MANY)}) == MANY


def test_a_hundred_thousand_ids_are_all_different() -> None:
    for make in (ids.new_asset_id, ids.new_upload_id, ids.new_event_id):
        assert len({make() for _ in range(MANY)}) == MANY


def test_asset_and_event_ids_sort_by_time_and_upload_ids_tell_none() -> None:
    assets = [ids.new_asset_id() for _ in range(1000)]
    assert assets == sorted(assets)
    assert {asset.version for asset in assets} == {7}
    assert {ids.new_upload_id().version for _ in range(10)} == {4}


def test_keys_have_the_frozen_forms() -> None:
    asset_id = ids.AssetId(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
    upload_id = ids.UploadId(UUID("6f1f9f0e-51a5-4d0c-9a3a-0a7d6c1c2f11"))
    folder = f"u/{asset_id}/"
    assert ids.original_key(asset_id, "flac").startswith(folder + "original-")
    assert ids.rendition_key(asset_id, "mp3-192", "mp3").startswith(folder + "mp3-192-")
    assert ids.manifest_key(asset_id, 7) == folder + "manifest-7.json"
    assert ids.staging_key(upload_id, 4096).startswith(f"staging/{upload_id}/4096-")


@given(name=st.from_regex(r"[a-z0-9][a-z0-9-]{0,40}", fullmatch=True))
def test_every_key_tells_whose_it_is(name: str) -> None:
    asset_id = ids.new_asset_id()
    assert ids.asset_of_key(ids.rendition_key(asset_id, name, "webp")) == asset_id
    assert ids.asset_of_key(ids.manifest_key(asset_id, 1)) == asset_id


@pytest.mark.parametrize(
    "key",
    [
        "",
        "u/",
        "u/x/y",
        "staging/01890a5d-ac96-774b-bcce-b302099a8057/0-a",
        "u/01890a5d-ac96-774b-bcce-b302099a8057",
        "u/01890a5d-ac96-774b-bcce-b302099a8057/",
        "u/01890a5d-ac96-774b-bcce-b302099a8057/../x",
        "u/01890a5d-ac96-774b-bcce-b302099a8057/a/b",
        "u/01890A5D-AC96-774B-BCCE-B302099A8057/a.mp3",
        "u/01890a5d-ac96-774b-bcce-b302099a8057/a.mp3\n",
        " u/01890a5d-ac96-774b-bcce-b302099a8057/a.mp3",
    ],
)
def test_a_foreign_key_belongs_to_nobody(key: str) -> None:
    assert ids.asset_of_key(key) is None


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "ä", "-a", "a" * 42])
def test_names_never_become_keys(name: str) -> None:
    with pytest.raises(Invalid):
        ids.rendition_key(ids.new_asset_id(), name, "mp3")
    with pytest.raises(Invalid):
        ids.original_key(ids.new_asset_id(), name + "/")


def test_an_id_that_is_computed_never_changes_with_who_computes_it() -> None:
    # of what this has given rows and facts were made
    assert str(ids.run_id(ids.AssetId(UUID(int=1)), 1)) == "fc1530a2-4772-5f15-a2df-3cdca2a5557e"


def test_what_a_reactor_makes_has_the_same_id_every_time() -> None:
    asset_id = ids.AssetId(UUID(int=1))
    run = ids.run_id(asset_id, 1)
    assert run == ids.run_id(asset_id, 1) != ids.run_id(asset_id, 2)
    assert ids.job_id(asset_id, run, "probe") == ids.job_id(asset_id, run, "probe")
    assert ids.job_id(asset_id, run, "probe") != ids.job_id(asset_id, run, "poster")
    assert ids.event_id_for("a", 1) == ids.event_id_for("a", "1") != ids.event_id_for("a1")
