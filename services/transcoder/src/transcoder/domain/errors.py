"""What can be wrong with a file: every kind carries the stable code that ends in a fact.

unreadable   no reader of ours understands it          unsupported   understood, and not a kind we
process truncated    it ends before its own header says        too_large     past a limit of pixels,
memory or time no_media     no picture or sound inside                encoder_failed, output_invalid
our side could not make it
"""

from common.errors import Corrupt, Rejected, RepriseError, TooLarge


class CorruptMedia(Corrupt):
    """The bytes are damaged or are not what they claim to be."""

    default_code = "unreadable"


class Truncated(CorruptMedia):
    """The file ends before the end that its own header promises."""

    default_code = "truncated"


class Unsupported(Rejected):
    """A container or codec outside of what this system processes."""

    default_code = "unsupported"


class NoMedia(Rejected):
    """A readable container without the picture or sound that its kind needs."""

    default_code = "no_media"


class MediaTooLarge(TooLarge):
    """More pixels, memory, time or output than a job may use."""


class EncoderFailed(RepriseError):
    """The encoder ended badly, or what it wrote is not what was asked for."""

    default_code = "encoder_failed"


class SourceLost(RepriseError):
    """The original is not in the store, or is no longer the bytes that were registered."""

    default_code = "source_missing"


#: What a job may end with for good: trying again with the same bytes would give the same answer.
MEDIA_FAILURES = (CorruptMedia, Unsupported, NoMedia, MediaTooLarge, EncoderFailed, SourceLost)
