"""What the catalog last said of an asset: alive, deleted, or gone for good."""

from dataclasses import dataclass, replace
from enum import StrEnum


class Word(StrEnum):
    """A deleted asset may come back, a gone one never does."""

    ALIVE = "alive"
    DELETED = "deleted"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Life:
    """The last word and its place among the catalog's facts of this asset; 0 is none yet.

    Kept apart from the processing, because the word may come before the request it concerns: from
    a row where the request waited, or from another topic.
    """

    word: Word = Word.ALIVE
    sequence: int = 0

    def after(self, word: Word, sequence: int) -> "Life":
        """The later word counts, whichever is heard first; death is final."""
        if self.word is Word.GONE or sequence <= self.sequence:
            return self
        return Life(word, sequence)

    def ended(self) -> "Life":
        """Gone, by a fact of any topic."""
        return replace(self, word=Word.GONE)
