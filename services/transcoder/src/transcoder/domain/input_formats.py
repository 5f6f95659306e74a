"""What a sniffed content type may turn out to be.

The only demuxer and the only decoders it gets (security.md 1).
"""

from dataclasses import dataclass

from transcoder.domain.errors import Unsupported

_PCM = (
    *("pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be"),
    *("pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"),
    *("pcm_alaw", "pcm_mulaw"),
)
# subtitles are never written, but ffprobe gives up on a track that it may not read
_MP4_SOUND = ("mov_text", "aac", "alac", "mp3float", "mp3", "flac", "opus", *_PCM)
_MP4_PICTURE = ("h264", "hevc", "mpeg4", "vp9", "libdav1d", "av1", "mjpeg", "prores")
# covers of audio files are never decoded, but a demuxer asks for their decoder to learn their size
_COVERS = ("mjpeg", "png")


@dataclass(frozen=True, slots=True)
class Readers:
    """Names as the tools know them: FFmpeg's demuxers and decoders, or Pillow's formats.

    No wildcards exist.
    """

    demuxers: tuple[str, ...] = ()
    decoders: tuple[str, ...] = ()
    pillow: tuple[str, ...] = ()


_READERS: dict[str, Readers] = {
    "audio/flac": Readers(("flac",), ("flac", *_COVERS)),
    "audio/wav": Readers(("wav", "w64"), (*_PCM, *_COVERS)),
    "audio/aiff": Readers(("aiff",), (*_PCM, *_COVERS)),
    "audio/mpeg": Readers(("mp3",), ("mp3float", "mp3", *_COVERS)),
    "audio/mp4": Readers(("mov",), (*_MP4_SOUND, *_COVERS)),
    "audio/aac": Readers(("aac",), ("aac", *_COVERS)),
    "audio/ogg": Readers(("ogg",), ("vorbis", "opus", "libopus", "flac", *_COVERS)),
    "audio/opus": Readers(("ogg",), ("opus", "libopus", *_COVERS)),
    "video/mp4": Readers(("mov",), (*_MP4_PICTURE, *_MP4_SOUND)),
    "video/quicktime": Readers(("mov",), (*_MP4_PICTURE, *_MP4_SOUND)),
    "video/webm": Readers(
        ("matroska",), ("vp8", "vp9", "libdav1d", "av1", "vorbis", "opus", "libopus")
    ),
    "image/jpeg": Readers(pillow=("JPEG",)),
    "image/png": Readers(pillow=("PNG",)),
    "image/webp": Readers(pillow=("WEBP",)),
    "image/gif": Readers(pillow=("GIF",)),
    "image/tiff": Readers(pillow=("TIFF",)),
}


def readers_of(content_type: str) -> Readers:
    """Raises Unsupported for a type that nothing here reads.

    HEIC among them until a library is carried.
    """
    readers = _READERS.get(content_type)
    if readers is None:
        raise Unsupported(f"{content_type} is not processed here")
    return readers
