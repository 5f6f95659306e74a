"""What a comparison of the live catalog with the log found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same; `detail` names columns and never their content."""

    table: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verified:
    """`compared` assets counted the same on both sides; `moved` changed while they were looked at.

    `waiting` have parked facts and cannot be compared before those are applied.
    """

    compared: int
    moved: int
    waiting: int
    unexplained: int
    unreadable: int
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Nothing that was compared differs, and the log leads to all of it."""
        return not self.differences and not self.unexplained and not self.unreadable
