import pytest

from common.errors import Unavailable
from common.testing.object_store_suite import CASES, Case
from common.testing.objects import MemoryObjectStore


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_store_in_memory_behaves_as_the_real_one(case: Case) -> None:
    await case(MemoryObjectStore(), "suite/")


async def test_a_store_that_is_down_answers_nothing() -> None:
    store = MemoryObjectStore()
    store.down = True
    with pytest.raises(Unavailable):
        await store.head("a")
