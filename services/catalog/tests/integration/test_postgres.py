import pytest
from services.catalog.tests.integration.real_catalog import RealCatalog
from services.catalog.tests.ports_suite import PROMISES, Ports, Promise

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("promise", PROMISES, ids=lambda test: test.__name__)
async def test_postgres_keeps_its_promises(promise: Promise, catalog: RealCatalog) -> None:
    await promise(Ports(catalog.transactions, catalog.reader))
