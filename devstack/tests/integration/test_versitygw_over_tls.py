"""The object store over TLS, as everybody has it who does not run their own server."""

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from common.errors import Unavailable
from common.s3.bucket import ensure_bucket
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.settings.groups import S3Settings
from common.testing.buckets import open_bucket
from common.testing.object_store_suite import CASES, Case
from devstack.faults.certificate import Certificate, make_certificate
from devstack.settings import read_settings
from devstack.toolbox import Toolbox
from devstack.versitygw import versitygw

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def settings(
    certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[S3Settings]:
    program = Toolbox(read_settings()).versitygw()
    with versitygw(program, tmp_path_factory.mktemp("store"), certificate) as server:
        yield S3Settings(
            endpoint=server.endpoint,
            region="us-east-1",
            access_key_id=server.access_key,
            secret_access_key=SecretStr(server.secret_key),
            bucket="media",
        )


@pytest.fixture
async def store(
    settings: S3Settings, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ObjectStore]:
    for name, value in certificate.trusted().items():
        monkeypatch.setenv(name, value)
    async with open_bucket(settings) as opened:
        yield opened


@pytest.mark.req("STO-01")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_real_store_behaves_over_tls_as_the_suite_says(
    case: Case, store: ObjectStore
) -> None:
    await case(store, f"suite/{case.__name__}/")


async def test_a_store_that_nobody_vouches_for_is_not_talked_to(settings: S3Settings) -> None:
    async with open_s3(settings) as client:
        with pytest.raises(Unavailable):
            await ensure_bucket(client, settings.bucket, settings.region)
