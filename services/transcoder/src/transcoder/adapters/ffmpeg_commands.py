"""A rung of the ladder -> an argument list.

Pure, no user's string in it (ffmpeg-python only writes the list).
"""

import ffmpeg

from transcoder.adapters.sandbox import Inside
from transcoder.domain.budget import MIB
from transcoder.domain.errors import NoMedia
from transcoder.domain.input_formats import Readers
from transcoder.domain.ladder import Engine, Profile, fit
from transcoder.domain.media_info import MediaInfo

MAX_PIXELS = 40_000_000
MAX_STREAMS = 16
MAX_ALLOC = 512 * MIB
_PROBE_SIZE = 10_000_000  # bytes, and the same number of microseconds
THREADS = 2
# no tag, no chapter, no name of a track goes into a derivative
_NO_METADATA = {"map_metadata": -1, "map_chapters": -1}
_MP3_RATES = (32_000, 44_100, 48_000)


def reader_options(readers: Readers) -> dict[str, object]:
    """How a hostile file is opened.

    Only from disk, with one demuxer and the decoders of its type, within limits.
    """
    return {
        "protocol_whitelist": "file",
        "format_whitelist": ",".join(readers.demuxers),
        "codec_whitelist": ",".join(readers.decoders),
        "max_pixels": MAX_PIXELS,
        "max_streams": MAX_STREAMS,
        "probesize": _PROBE_SIZE,
        "analyzeduration": _PROBE_SIZE,
    }


def encode_command(
    profile: Profile, source: MediaInfo, readers: Readers, inside: Inside
) -> list[str]:
    """The whole command line for one rendition, without the program's name."""
    opened = reader_options(readers) | {"threads": THREADS}
    if profile.engine is Engine.POSTER:
        opened["ss"] = _poster_time(source)
    stream = ffmpeg.input(f"file:{inside.source}", **opened)  # type: ignore[no-untyped-call]
    tracks, options = _WRITERS[profile.engine](profile, source)
    output = ffmpeg.output(
        *(stream[track] for track in tracks),
        f"file:{inside.output}/{output_name(profile)}",
        **options,
        **_NO_METADATA,
    )
    common = ["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    # no -timelimit: the kernel's limit is set outside, and ffmpeg may not raise it
    common += ["-max_alloc", str(MAX_ALLOC)]
    command: list[str] = output.global_args(*common).compile(cmd="ffmpeg")
    return command[1:]


def output_name(profile: Profile) -> str:
    """A name that the server chose."""
    return f"out.{profile.extension}"


Writer = tuple[tuple[str, ...], dict[str, object]]


def _audio(profile: Profile, source: MediaInfo) -> Writer:
    options: dict[str, object] = {
        "ac": min(source.channels or 2, 2),
        "ar": _sample_rate(source.sample_rate),
        "b:a": f"{profile.kbits}k",
    }
    if profile.codec == "mp3":
        # constant rate; the Info frame tells a player length, seek table and encoder delay; no ID3
        # tag at all
        options |= {"c:a": "libmp3lame", "compression_level": 2, "write_xing": 1, "f": "mp3"}
        options |= {"id3v2_version": 0, "write_id3v1": 0}
    else:
        options |= {"c:a": "aac", "movflags": "+faststart", "f": "ipod", "fflags": "+bitexact"}
    return ("a:0",), options


def _video(profile: Profile, source: MediaInfo) -> Writer:
    width, height = fit(*_shown(source), profile.box, even=True)
    options: dict[str, object] = {
        "vf": f"scale={width}:{height}:flags=lanczos,setsar=1,format=yuv420p",
        "c:v": "libx264",
        "preset": "faster",
        "crf": 21,
        "maxrate": "8M",
        "bufsize": "16M",
        "profile:v": "high",
        "threads": THREADS,
        "c:a": "aac",
        "b:a": "160k",
        "ac": 2,
        "ar": 48_000,
        "movflags": "+faststart",
        "fflags": "+bitexact",
        "max_muxing_queue_size": 1024,
        "f": "mp4",
    }
    return ("V:0", "a:0?"), options


def _poster(profile: Profile, source: MediaInfo) -> Writer:
    width, height = fit(*_shown(source), profile.box)
    return ("V:0",), {
        "vf": f"scale={width}:{height}:flags=lanczos,setsar=1,format=yuvj420p",
        "frames:v": 1,
        "c:v": "mjpeg",
        "q:v": 3,
        "flags:v": "+bitexact",
        "update": 1,
        "f": "image2",
    }


_WRITERS = {Engine.AUDIO: _audio, Engine.VIDEO: _video, Engine.POSTER: _poster}


def _shown(source: MediaInfo) -> tuple[int, int]:
    if source.width is None or source.height is None:
        raise NoMedia("there is no picture")
    return source.width, source.height


def _poster_time(source: MediaInfo) -> str:
    # a tenth into it, where the title cards and black frames of the beginning are over
    return f"{min((source.duration or 0.0) / 10, 10.0):.3f}"


def _sample_rate(rate: int | None) -> int:
    """The source's own where MP3 has it; else the nearest that keeps whole ratios."""
    if rate in _MP3_RATES:
        return rate or 44_100
    return 44_100 if rate and rate % 11_025 == 0 else 48_000
