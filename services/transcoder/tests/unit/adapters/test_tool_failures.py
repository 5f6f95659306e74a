import pytest

from transcoder.adapters.confined_process import Outcome
from transcoder.adapters.tool_failures import failure_of


@pytest.mark.parametrize(
    ("status", "stderr", "code"),
    [
        (153, "", "output_too_large"),
        (152, "", "timed_out"),
        (137, "", "encoder_killed"),
        (1, "[hls @ 0x1] Format not on whitelist 'mov'", "unsupported"),
        (1, "Codec (magicyuv) not on whitelist 'h264'", "unsupported"),
        (1, "moov atom not found", "unreadable"),
        (1, "Invalid data found when processing input", "unreadable"),
        (1, "Cannot allocate memory", "too_large"),
        (1, "something new", "encoder_failed"),
    ],
)
def test_how_a_tool_ends_says_what_is_wrong(status: int, stderr: str, code: str) -> None:
    failure = failure_of(Outcome(status, b"", stderr))
    assert failure is not None
    assert failure.code == code


def test_success_is_no_failure_but_a_time_out_always_is() -> None:
    assert failure_of(Outcome(0, b"", "a warning")) is None
    late = failure_of(Outcome(137, b"", "", timed_out=True))
    assert late is not None
    assert late.code == "timed_out"
