"""The object store against a second, independent server; fetched when first asked for."""

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from common.ids import new_object_id
from common.s3.bucket import ensure_bucket
from common.s3.client import open_s3
from common.s3.objects import ObjectStore
from common.s3.probe.probing import Wishes, open_probing
from common.s3.probe.run import findings
from common.settings.groups import S3Settings
from common.testing.object_store_suite import CASES, Case
from devstack.ceph_packages import ceph_folder
from devstack.ceph_rgw import CephRgw
from devstack.faults.certificate import Certificate, make_certificate
from devstack.settings import read_settings
from devstack.toolbox import Toolbox

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def server(certificate: Certificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CephRgw]:
    programs = ceph_folder(Toolbox(read_settings()))
    with CephRgw(programs, tmp_path_factory.mktemp("ceph"), certificate) as running:
        yield running


@pytest.fixture(params=["http", "TLS"])
def settings(
    request: pytest.FixtureRequest,
    server: CephRgw,
    certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> S3Settings:
    for name, value in certificate.trusted().items():
        monkeypatch.setenv(name, value)
    return S3Settings(
        endpoint=server.endpoint if request.param == "http" else server.secure_endpoint,
        region="us-east-1",
        access_key_id=server.access_key,
        secret_access_key=SecretStr(server.secret_key),
        bucket="media",
    )


@pytest.fixture
async def store(settings: S3Settings) -> AsyncIterator[ObjectStore]:
    async with open_s3(settings) as client:
        await ensure_bucket(client, settings.bucket, settings.region)
        yield ObjectStore(client, settings.bucket)


@pytest.mark.req("STO-01")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_ceph_behaves_as_the_suite_says(case: Case, store: ObjectStore) -> None:
    await case(store, f"suite-{new_object_id()}/")


async def test_ceph_can_carry_the_platform(
    store: ObjectStore, settings: S3Settings, certificate: Certificate
) -> None:
    wishes = Wishes(("https://app.example",), apply=True, large=False, patient=False)
    async with open_probing(settings, wishes, trust=certificate.client_context()) as probing:
        found = [finding async for finding in findings(probing)]
    assert [item.line.name for item in found if not item.harmless] == []
    works = {item.line.name: item.works for item in found}
    assert works["short_body_refused"]
    assert works["lifecycle"]
    assert works["cors"]
