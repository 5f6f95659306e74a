"""Is what the encoder wrote what was asked for? A wrong output is never called ready."""

from transcoder.domain.errors import EncoderFailed, Truncated
from transcoder.domain.ladder import Engine, Profile, fit
from transcoder.domain.media_info import MediaInfo

_SLACK = 0.5  # seconds: encoder delay and padding, a last partial frame
_SHARE = 0.01  # of the duration: clocks of variable frame rates


def is_shorter(promised: float, found: float) -> bool:
    """Whether the end is missing, beyond what encoders and rounding explain."""
    return promised - found > max(_SLACK, promised * _SHARE)


def verify_output(profile: Profile, source: MediaInfo, output: MediaInfo) -> None:
    """Raises Truncated when the source ended early, EncoderFailed for every other difference."""
    if (output.container, output.codec) != (profile.container, profile.codec):
        raise EncoderFailed("the output is of another kind", code="output_invalid")
    if profile.engine in {Engine.AUDIO, Engine.VIDEO}:
        _verify_duration(source, output)
    if profile.engine is not Engine.AUDIO:
        _verify_size(profile, output)


def _verify_duration(source: MediaInfo, output: MediaInfo) -> None:
    if source.duration is None or not source.exact_duration:
        return
    if is_shorter(source.duration, output.duration or 0.0):
        raise Truncated("the sound ends before the header says")


def _verify_size(profile: Profile, output: MediaInfo) -> None:
    width, height = output.width or 0, output.height or 0
    if not width or not height or (width, height) != fit(width, height, profile.box):
        raise EncoderFailed("the output does not fit its box", code="output_invalid")
