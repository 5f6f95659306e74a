"""How a rebuilt index compares with the live one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of entries, by how the two sides have them.

    `unknown_to_log`: the live one would serve it and the log does not have it. `forgotten`: gone in
    the live one, and the log has forgotten the tombstone, as it may after 30 days: the rebuilt one
    is told. `missing`: the live one does not have it. `differing`: the same sequence, other
    content. `ahead` and `behind`: the live one has a higher or lower sequence, which is no fault
    unless both were read to the same offset. Digests are over all entries both were told alike.
    """

    live: int = 0
    rebuilt: int = 0
    unknown_to_log: int = 0
    forgotten: int = 0
    missing: int = 0
    differing: int = 0
    ahead: int = 0
    behind: int = 0
    same_offset: bool = True
    live_digest: str = ""
    rebuilt_digest: str = ""

    @property
    def faults(self) -> int:
        """Entries in which the live index is wrong."""
        moving = self.ahead + self.behind + self.missing if self.same_offset else 0
        return self.unknown_to_log + self.differing + moving

    @property
    def equal(self) -> bool:
        """Nothing would change but what the log itself forgot."""
        return self.faults == 0
