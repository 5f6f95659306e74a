"""State of who may see what of whom: circles, members, blocks, and two words about one person.

Relations are records of their own, keyed by both ends: adding or removing one member writes one
record, and its tombstone, which has no value, still says who left what.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.events.model import StateRecord
from common.events.topics import CATALOG_STATE
from common.events.v1.fields import Requires, UserRef


class PeopleRecord(StateRecord):
    """What all of them say."""

    TOPIC: ClassVar = CATALOG_STATE
    requires: Requires = 1


class CircleState(PeopleRecord):
    """A group of people its owner shows things to. Key `circle/<circle_id>`.

    While no living record of it is known it has no members, whatever records of members say.
    """

    TYPE: ClassVar = "reprise.state.circle.v1"
    KEY: ClassVar = "circle/{circle_id}"
    circle_id: UUID = Field(description="the circle; as a facet it is written as text")
    user_id: UserRef
    name: str = Field(description="for people")
    created_at: datetime = Field(description="when it was made")


class CircleMemberState(PeopleRecord):
    """One person is in one circle, until the tombstone. Key `circle-member/<circle>/<member>`."""

    TYPE: ClassVar = "reprise.state.circle-member.v1"
    KEY: ClassVar = "circle-member/{circle_id}/{member_id}"
    circle_id: UUID = Field(description="the circle")
    member_id: UserRef
    since: datetime = Field(description="when they came in")


class BlockState(PeopleRecord):
    """Somebody shows nothing to somebody, until the tombstone. Key `block/<user>/<blocked>`.

    It is stronger than public and than any circle. A reader that cannot judge the record blocks.
    """

    TYPE: ClassVar = "reprise.state.block.v1"
    KEY: ClassVar = "block/{user_id}/{blocked_id}"
    user_id: UserRef
    blocked_id: UserRef
    since: datetime = Field(description="when it was set")


class PreferenceState(PeopleRecord):
    """What somebody likes to be served. Key `preference/<user_id>`.

    It opens and closes nothing: a reader that cannot judge it goes on with the defaults.
    """

    TYPE: ClassVar = "reprise.state.preference.v1"
    KEY: ClassVar = "preference/{user_id}"
    user_id: UserRef
    audio_quality: str | None = Field(
        default=None,
        description="tier to stream: a name on the ladder, or low, medium, high, original; "
        "null or unknown: the installation's default",
    )


class ViewerEpochState(PeopleRecord):
    """What was handed to a person before a moment opens nothing. Key `viewer-epoch/<user_id>`.

    A reader that cannot judge the record refuses the person's private tokens.
    """

    TYPE: ClassVar = "reprise.state.viewer-epoch.v1"
    KEY: ClassVar = "viewer-epoch/{user_id}"
    user_id: UserRef
    not_before: datetime = Field(description="private tokens issued earlier are refused")
