"""The typed result of a probe.

What later decisions may rely on, without the prober's vocabulary.
"""

from dataclasses import dataclass, field
from datetime import datetime

from common.events import MediaFacts

# headers of these count their own samples, so a shorter end is damage and not an estimate
_EXACT_CONTAINERS = frozenset({"flac", "wav", "w64", "aiff", "mov", "matroska"})
_LOSSLESS_CODECS = frozenset({"flac", "alac", "ape", "wavpack", "tta"})


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Seconds, pixels as shown (after rotation), bits per second, hertz.

    None: does not apply or is not known.
    """

    container: str
    codec: str
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    bit_rate: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    audio_codec: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    cue: str | None = None
    captured_at: datetime | None = None

    @property
    def lossless(self) -> bool:
        """True when a tier of any bit rate loses nothing that an earlier encoder had not taken."""
        return self.codec in _LOSSLESS_CODECS or self.codec.startswith("pcm_")

    @property
    def exact_duration(self) -> bool:
        """True when the duration is counted by the header, false when a demuxer estimated it."""
        return self.container in _EXACT_CONTAINERS

    @property
    def tells_something(self) -> bool:
        """Whether the file says anything of itself that belongs on the road of names."""
        return bool(self.tags or self.cue or self.captured_at)

    def facts(self) -> MediaFacts:
        """The part that may stand in a fact for ever: no tag, no name, no place."""
        return MediaFacts(
            container=self.container,
            codec=self.codec,
            duration=self.duration,
            width=self.width,
            height=self.height,
            bit_rate=self.bit_rate,
            sample_rate=self.sample_rate,
            channels=self.channels,
        )
