import pytest
from services.catalog.tests.memory import MemoryCatalog
from services.catalog.tests.ports_suite import PROMISES, Ports, Promise


@pytest.mark.parametrize("promise", PROMISES, ids=lambda test: test.__name__)
async def test_the_memory_keeps_its_promises(promise: Promise) -> None:
    catalog = MemoryCatalog()
    await promise(Ports(catalog, catalog))
