"""Kind + measured source -> what this run will make, and what it leaves out and why."""

from dataclasses import dataclass, replace

from common.events import MediaKind, PlannedRendition, SkippedRendition
from transcoder.domain.ladder import LADDER, Engine, Profile
from transcoder.domain.media_info import MediaInfo

PRE_ENCODING_OFF = "pre_encoding_off"
SOURCE_NOT_BETTER = "source_not_better"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a run in the order of their worth.

    An empty plan: the original is the playable tier.
    """

    planned: tuple[PlannedRendition, ...]
    skipped: tuple[SkippedRendition, ...] = ()


def make_plan(kind: MediaKind, source: MediaInfo, *, pre_encode: bool) -> Plan:
    """Audio tiers only below the rate of a lossy source.

    Pictures and video always, never scaled up.

    When the default audio tier cannot be made, the best tier below it takes its place as the
    required one: an asset with a tier that can be played is never called ready before that tier
    exists.
    """
    reasons = {profile: _reason(profile, source, pre_encode) for profile in LADDER[kind]}
    worth = [profile for profile, reason in reasons.items() if reason is None]
    if worth and not any(profile.required for profile in worth):
        worth[0] = replace(worth[0], required=True)
    return Plan(
        planned=tuple(_planned(profile) for profile in worth),
        skipped=tuple(
            SkippedRendition(rendition=profile.rendition, reason=reason)
            for profile, reason in reasons.items()
            if reason is not None
        ),
    )


def _planned(profile: Profile) -> PlannedRendition:
    return PlannedRendition(
        rendition=profile.rendition, profile=profile.name, required=profile.required
    )


def _reason(profile: Profile, source: MediaInfo, pre_encode: bool) -> str | None:
    if profile.engine is not Engine.AUDIO:
        return None
    if not pre_encode:
        return PRE_ENCODING_OFF
    if source.lossless or source.bit_rate is None or profile.kbits * 1000 < source.bit_rate:
        return None
    return SOURCE_NOT_BETTER
