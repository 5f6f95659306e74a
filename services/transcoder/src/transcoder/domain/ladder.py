"""The ladder: every rendition this system makes, as data (names and profiles are frozen.

Design §5).
"""

from dataclasses import dataclass
from enum import StrEnum

from common.events import MediaKind


class Engine(StrEnum):
    """Which encoder makes a rendition."""

    AUDIO = "audio"
    STILL = "still"
    VIDEO = "video"
    POSTER = "poster"


@dataclass(frozen=True, slots=True)
class Profile:
    """One rung. `version` rises when the settings behind it change.

    The profile of a stored object stays true.

    `kbits` is the constant or average rate of an audio tier; `box` is the largest width and height
    in pixels, never scaled up to; `codec` and `container` are what a probe of the output must say.
    """

    rendition: str
    version: int
    engine: Engine
    extension: str
    content_type: str
    container: str
    codec: str
    required: bool = False
    kbits: int = 0
    box: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        """How facts name it: `mp3-192.1`."""
        return f"{self.rendition}.{self.version}"


MP3_192 = Profile("mp3-192", 1, Engine.AUDIO, "mp3", "audio/mpeg", "mp3", "mp3", True, 192)
AAC_128 = Profile("aac-128", 1, Engine.AUDIO, "m4a", "audio/mp4", "mov", "aac", False, 128)
IMAGE_640 = Profile(
    "image-640", 1, Engine.STILL, "webp", "image/webp", "webp", "webp", True, box=(640, 640)
)
VIDEO_1080 = Profile(
    "video-1080", 1, Engine.VIDEO, "mp4", "video/mp4", "mov", "h264", True, box=(1920, 1080)
)
POSTER = Profile(
    "poster", 1, Engine.POSTER, "jpg", "image/jpeg", "jpeg", "jpeg", True, box=(1280, 720)
)

# best first: the order in which a player would choose
LADDER: dict[MediaKind, tuple[Profile, ...]] = {
    "audio": (MP3_192, AAC_128),
    "image": (IMAGE_640,),
    "avatar": (IMAGE_640,),
    "video": (VIDEO_1080, POSTER),
}
PROFILES: dict[str, Profile] = {
    profile.rendition: profile for rungs in LADDER.values() for profile in rungs
}


def fit(width: int, height: int, box: tuple[int, int], *, even: bool = False) -> tuple[int, int]:
    """The largest size of the same shape inside the box, turned with the picture.

    Never larger than it is.

    `even` rounds down to even numbers, which 4:2:0 video needs.
    """
    wide, high = box if width >= height else (box[1], box[0])
    scale = min(1.0, wide / width, high / height)
    fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
    return (max(2, fitted[0] // 2 * 2), max(2, fitted[1] // 2 * 2)) if even else fitted
