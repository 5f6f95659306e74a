"""Pure reading of ffprobe's report: streams and format -> MediaInfo."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from transcoder.domain.errors import NoMedia
from transcoder.domain.media_info import MediaInfo
from transcoder.domain.tags import clean_tags, cue_sheet

Report = dict[str, Any]


def media_info(report: Report, *, pictured: bool) -> MediaInfo:
    """Raises NoMedia when there is no sound, or no moving picture where one is expected."""
    sound = _first(report, "audio")
    picture = _first(report, "video") if pictured else None
    main = picture if pictured else sound
    if main is None:
        raise NoMedia(f"there is no {'picture' if pictured else 'sound'} in it")
    form = report.get("format", {})
    tags = _tags(form) | _tags(sound or {})
    width, height = _shown(picture) if picture else (None, None)
    return MediaInfo(
        container=str(form.get("format_name", "")).split(",")[0],
        codec=str(main.get("codec_name", "unknown")),
        duration=_number(form.get("duration")) or _number(main.get("duration")),
        width=width,
        height=height,
        bit_rate=_integer((None if pictured else main.get("bit_rate")) or form.get("bit_rate")),
        sample_rate=_integer((sound or {}).get("sample_rate")),
        channels=_integer((sound or {}).get("channels")),
        audio_codec=str(sound["codec_name"]) if sound and "codec_name" in sound else None,
        tags=clean_tags(tags),
        cue=cue_sheet(tags),
        captured_at=_captured(tags) if pictured else None,
    )


def last_end(packets: str) -> float:
    """Lines of `pts_time,duration_time` -> when the last packet ends; 0 when there is none."""
    ends = [0.0]
    for line in packets.splitlines():
        start, _, rest = line.partition(",")
        begin = _number(start)
        if begin is not None:
            ends.append(begin + (_number(rest.partition(",")[0]) or 0.0))
    return max(ends)


def _first(report: Report, kind: str) -> Report | None:
    for stream in report.get("streams", []):
        cover = stream.get("disposition", {}).get("attached_pic")
        if stream.get("codec_type") == kind and not cover:
            return dict(stream)
    return None


def _tags(part: Report) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in part.get("tags", {}).items()}


def _shown(picture: Report) -> tuple[int | None, int | None]:
    """Pixels as a player shows them: square, and turned by the display matrix."""
    width, height = _integer(picture.get("width")), _integer(picture.get("height"))
    if width is None or height is None:
        return None, None
    across, down = _ratio(picture.get("sample_aspect_ratio"))
    width = max(1, round(width * across / down))
    turns = [str(side.get("rotation", "")) for side in picture.get("side_data_list", [])]
    quarter = any(turn.lstrip("-") in {"90", "270"} for turn in turns)
    return (height, width) if quarter else (width, height)


def _ratio(text: object) -> tuple[int, int]:
    across, _, down = str(text or "1:1").partition(":")
    if across.isdigit() and down.isdigit() and int(across) and int(down):
        return int(across), int(down)
    return 1, 1


def _number(value: object) -> float | None:
    with suppress(ValueError):
        number = float(str(value))
        return number if 0 <= number < float("inf") else None
    return None


def _integer(value: object) -> int | None:
    number = _number(value)
    return int(number) if number else None


def _captured(tags: dict[str, str]) -> datetime | None:
    with suppress(ValueError):
        told = datetime.fromisoformat(tags.get("creation_time", ""))
        return told if told.tzinfo else told.replace(tzinfo=UTC)
    return None
