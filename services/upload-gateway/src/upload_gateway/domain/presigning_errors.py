"""What can go wrong with an upload whose bytes go past the gateway."""

from common.errors import Conflict, Rejected


class UseTus(Conflict):
    """The store was not found fit for this way past the gateway; tus needs nothing of it."""

    default_code = "presigned_not_offered"


class DigestNeeded(UseTus):
    """A cut body would count as whole: without a signed digest the bytes must come through us."""

    default_code = "digest_needed"


class NotPresigned(Conflict):
    """Its bytes come through the gateway: there is nothing to sign, and nothing to commit."""

    default_code = "not_presigned"


class KeyMismatch(Conflict):
    """The client names another key than the one it was given."""

    default_code = "key_mismatch"

    def __init__(self) -> None:
        super().__init__("this is not the key of this upload")


class CommitMismatch(Conflict):
    """The client says something else of the file than before; `field` is what."""

    default_code = "commit_mismatch"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is not what was said of this upload before", field=field)


class AlreadyCommitted(Conflict):
    """All bytes are there: none are taken any more."""

    default_code = "already_committed"


class UrlsExhausted(Conflict):
    """So many URLs were signed for this upload that it will not get there; begin a new one."""

    default_code = "urls_exhausted"

    def __init__(self, allowed: int) -> None:
        super().__init__(f"{allowed} URLs are signed for one upload like this", allowed=allowed)


class ObjectMissing(Conflict):
    """The store has no object of this upload: its bytes were not sent, or not accepted."""

    default_code = "object_missing"

    def __init__(self) -> None:
        super().__init__("the store has nothing under the key of this upload")


class ObjectDiffers(Conflict):
    """The object is not of the declared size or type, as a cut body may leave it."""

    default_code = "object_differs"

    def __init__(self, what: str, expected: int | str, found: int | str) -> None:
        super().__init__(
            f"the object has another {what} than was declared",
            code=f"object_{what}_mismatch",
            expected=expected,
            found=found,
        )


class PartsMissing(Conflict):
    """The store has not every part in its full size; `missing` are the first of them."""

    default_code = "parts_missing"

    def __init__(self, missing: list[int]) -> None:
        super().__init__("some parts are not stored in full", missing=missing[:100])


class FileRefused(Rejected):
    """The bytes are not the file that was declared; the code is the reason of the rejection."""
