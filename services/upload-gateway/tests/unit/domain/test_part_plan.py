import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload_gateway.domain.part_plan import PartPlan

MIB = 1024 * 1024
plans = st.builds(PartPlan, st.integers(1, 4096 * MIB), st.integers(5 * MIB, 64 * MIB))


@pytest.mark.req("UPL-10")
@given(plans)
def test_all_parts_are_equal_but_the_last(plan: PartPlan) -> None:
    sizes = [plan.size_of(number) for number in range(1, plan.count + 1)]
    assert sum(sizes) == plan.length
    assert all(size == plan.part_size for size in sizes[:-1])
    assert 0 < sizes[-1] <= plan.part_size


@given(plans, st.data())
def test_every_byte_lies_in_exactly_the_part_that_is_named(
    plan: PartPlan, data: st.DataObject
) -> None:
    offset = data.draw(st.integers(0, plan.length - 1))
    number = plan.number_at(offset)
    assert plan.start_of(number) <= offset < plan.end_of(number)


@given(plans)
def test_parts_follow_each_other_without_a_gap(plan: PartPlan) -> None:
    for number in range(1, plan.count):
        assert plan.end_of(number) == plan.start_of(number + 1)


@pytest.mark.parametrize(
    ("length", "count"), [(0, 0), (1, 1), (7, 1), (8, 1), (9, 2), (16, 2), (17, 3)]
)
def test_the_number_of_parts(length: int, count: int) -> None:
    assert PartPlan(length, 8).count == count
