import pytest

from common.telemetry import tracing

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_outside_of_a_span_there_is_no_trace() -> None:
    assert tracing.current_traceparent() is None
    assert tracing.current_ids() == {}


def test_a_trace_goes_on_with_a_span_of_its_own() -> None:
    with tracing.span_from(PARENT, "work"):
        inside = tracing.current_traceparent() or ""
    assert inside.split("-")[1] == PARENT.split("-")[1]
    assert inside.split("-")[2] != PARENT.split("-")[2]
    assert tracing.current_traceparent() is None


@pytest.mark.parametrize("parent", [None, "", "garbage", "00-zz-yy-01", "00-" + "0" * 32 + "-1-01"])
def test_none_or_garbage_begins_a_new_trace(parent: str | None) -> None:
    with tracing.span_from(None, "outer"):
        outer = tracing.current_ids()["trace_id"]
        with tracing.span_from(parent, "inner"):
            assert tracing.current_ids()["trace_id"] != outer
