"""The smallest files that go the whole way, no two alike: digests are deduplicated."""

import io
import random
import wave

from PIL import Image

_dice = random.Random()


def tiny_wav() -> bytes:
    """A fifth of a second of noise: every audio tier is made of it."""
    into = io.BytesIO()
    with wave.open(into, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(_dice.randbytes(44_100 * 4 // 5))
    return into.getvalue()


def tiny_jpeg() -> bytes:
    """A few pixels, which no two calls give alike."""
    into = io.BytesIO()
    size = (48, 32)
    Image.frombytes("RGB", size, _dice.randbytes(size[0] * size[1] * 3)).save(into, "JPEG")
    return into.getvalue()
