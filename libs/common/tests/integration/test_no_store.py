"""A web server that is no store and answers 200 to everything, seen through the adapter."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from pydantic import SecretStr

from common.errors import Unavailable
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings.groups import S3Settings
from common.testing.web_page import web_page

pytestmark = pytest.mark.integration

Ask = Callable[[ObjectStore], Awaitable[object]]


@pytest.fixture
async def store() -> AsyncIterator[ObjectStore]:
    with web_page() as endpoint:
        secret = SecretStr("secret")
        settings = S3Settings(endpoint=endpoint, access_key_id="id", secret_access_key=secret)
        async with open_s3(settings) as client:
            yield ObjectStore(client, "any")


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda store: store.put("u/a", b"x", content_type="a/b"), id="put"),
        pytest.param(lambda store: store.head("u/a"), id="head"),
        pytest.param(lambda store: store.create_multipart("u/a", "a/b"), id="create"),
        pytest.param(lambda store: store.upload_part("u/a", "id", 1, b"x"), id="part"),
        pytest.param(lambda store: store.complete_multipart("u/a", "id", [(1, "e")]), id="end"),
    ],
)
async def test_what_answers_without_being_a_store_has_stored_nothing(
    store: ObjectStore, ask: Ask
) -> None:
    with pytest.raises(Unavailable) as refused:
        await ask(store)
    assert refused.value.code == "storage_unexpected"
