"""How a tool ended -> what that says about the file."""

import signal

from common.errors import RepriseError
from transcoder.adapters.confined_process import Outcome
from transcoder.domain.errors import CorruptMedia, EncoderFailed, MediaTooLarge, Unsupported

_CPU, _FILE_SIZE, _KILLED = (128 + s for s in (signal.SIGXCPU, signal.SIGXFSZ, signal.SIGKILL))
_NOT_ALLOWED = ("not on whitelist", "not in whitelist", "Decoder not found", "Unknown decoder")
_TOO_LARGE = ("Cannot allocate memory", "exceeds max_pixels", "MemoryError", "Picture size")
_UNREADABLE = ("Invalid data found", "moov atom not found", "End of file", "could not find codec")


class ToolKilled(RepriseError):
    """Somebody killed the tool: memory of the whole machine, an operator.

    Worth another try, not worth many.
    """

    default_code = "encoder_killed"


def failure_of(outcome: Outcome) -> RepriseError | None:
    """None for success. The detail is for the log; only the code goes into a fact."""
    if outcome.timed_out or outcome.status == _CPU:
        return MediaTooLarge("it took longer than its budget", code="timed_out")
    if outcome.status == _FILE_SIZE:
        return MediaTooLarge("the output outgrew its budget", code="output_too_large")
    if outcome.status == _KILLED:
        return ToolKilled("killed")
    if outcome.status == 0:
        return None
    return _said(outcome.stderr)


def _said(stderr: str) -> RepriseError:
    detail = stderr.strip()[-500:]
    if any(words in stderr for words in _NOT_ALLOWED):
        return Unsupported(detail)
    if any(words in stderr for words in _TOO_LARGE):
        return MediaTooLarge(detail)
    if any(words in stderr for words in _UNREADABLE):
        return CorruptMedia(detail)
    return EncoderFailed(detail)
