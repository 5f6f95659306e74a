"""What one run of a tool may use: generous for any honest file, and an end for every other."""

from dataclasses import dataclass

from transcoder.domain.ladder import Engine, Profile
from transcoder.domain.media_info import MediaInfo

MIB = 1024 * 1024
GIB = 1024 * MIB
_HOUR = 3600.0
_VIDEO_RATE = 9_000_000  # bits per second: the encoder's ceiling and its sound, with room


@dataclass(frozen=True, slots=True)
class Budget:
    """`wall_seconds` ends the whole process group.

    The others are limits of the kernel, in seconds and bytes.
    """

    wall_seconds: float
    cpu_seconds: int
    memory: int
    output: int


PROBE = Budget(wall_seconds=30, cpu_seconds=20, memory=1 * GIB, output=0)
STILL = Budget(wall_seconds=60, cpu_seconds=60, memory=3 * GIB // 2, output=32 * MIB)
FRAME = Budget(wall_seconds=60, cpu_seconds=60, memory=2 * GIB, output=32 * MIB)


def budget_of(profile: Profile, source: MediaInfo) -> Budget:
    """Grows with the duration where the work does."""
    seconds = source.duration or 0.0
    if profile.engine is Engine.AUDIO:
        wall = min(60 + 2 * seconds, 6 * _HOUR)
        return Budget(wall, int(wall), 2 * GIB, _bytes(profile.kbits * 1000, seconds))
    if profile.engine is Engine.VIDEO:
        wall = min(120 + 20 * seconds, 12 * _HOUR)
        return Budget(wall, int(wall) * 2, 4 * GIB, _bytes(_VIDEO_RATE, seconds))
    return FRAME if profile.engine is Engine.POSTER else STILL


def scratch_needed(source_size: int, output: int) -> int:
    """Bytes a job directory may come to hold.

    An index moved to the front is for a moment there twice.
    """
    return source_size + 2 * output


def _bytes(bits_per_second: int, seconds: float) -> int:
    return int(bits_per_second / 8 * seconds * 1.2) + 16 * MIB
