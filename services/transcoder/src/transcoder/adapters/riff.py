"""How long a WAV file says it is: FFmpeg believes the file's length over the header's."""

from pathlib import Path

_UNTOLD = {0, 0xFFFFFFFF}  # a recorder that could not seek back never wrote the size


def is_cut(file: Path) -> bool:
    """Whether the RIFF header counts more bytes than there are; False for every other file."""
    with file.open("rb") as stream:
        head = stream.read(12)
    counted = int.from_bytes(head[4:8], "little")
    if head[:4] != b"RIFF" or head[8:] != b"WAVE" or counted in _UNTOLD:
        return False
    return counted + 8 > file.stat().st_size
