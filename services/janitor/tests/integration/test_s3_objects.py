"""Deleting in the real store ends well however often it is done."""

import pytest
from prometheus_client import CollectorRegistry, Counter
from pydantic import SecretStr

from common.errors import Unavailable
from common.ids import new_asset_id, original_key
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings.groups import S3Settings
from janitor.adapters.s3_objects import S3Objects

pytestmark = pytest.mark.integration


def deletes() -> Counter:
    return Counter("object_deletes", "test", ["outcome"], registry=CollectorRegistry())


@pytest.mark.req("JAN-02")
async def test_an_object_is_gone_after_one_delete_and_a_second_one_is_success(
    store: ObjectStore,
) -> None:
    key, counter = original_key(new_asset_id(), "bin"), deletes()
    await store.put(key, b"bytes", content_type="application/octet-stream")
    remover = S3Objects(store, counter)
    await remover.remove(key)
    assert await store.head(key) is None
    await remover.remove(key)
    assert counter.labels("ok")._value.get() == 2


@pytest.mark.req("JAN-02")
async def test_an_object_that_never_was_is_deleted_with_success(store: ObjectStore) -> None:
    await S3Objects(store, deletes()).remove(original_key(new_asset_id(), "bin"))


async def test_a_delete_spares_the_objects_whose_keys_begin_the_same(store: ObjectStore) -> None:
    asset_id = new_asset_id()
    keys = [original_key(asset_id, "bin") for _ in range(2)]
    for key in keys:
        await store.put(key, b"bytes", content_type="application/octet-stream")
    await S3Objects(store, deletes()).remove(keys[0])
    assert await store.head(keys[0]) is None
    assert await store.head(keys[1]) is not None


@pytest.mark.parametrize("trouble", ["denied", "silent"])
async def test_a_store_that_refuses_leaves_the_order_to_be_tried_again(
    s3_settings: S3Settings, trouble: str
) -> None:
    changed = (
        {"secret_access_key": SecretStr("not-the-secret")}
        if trouble == "denied"
        else {"endpoint": "http://127.0.0.1:9"}
    )
    counter = deletes()
    async with open_s3(s3_settings.model_copy(update=changed)) as client:
        remover = S3Objects(ObjectStore(client, s3_settings.bucket), counter)
        with pytest.raises(Unavailable):
            await remover.remove(original_key(new_asset_id(), "bin"))
    assert counter.labels("fail")._value.get() == 1
