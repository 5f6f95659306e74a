"""What can go wrong with an upload, as kinds of the common tree with codes of their own."""

from common.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Rejected,
    Throttled,
    TooLarge,
    Unavailable,
    UnsupportedType,
)


class UploadNotFound(NotFound):
    """No such upload, or not one of this caller: the two are not told apart."""

    default_code = "upload_not_found"


class UploadGone(Gone):
    """Aborted, expired or withdrawn."""

    default_code = "upload_gone"


class OffsetMismatch(Conflict):
    """The client continues from another place than we do; `offset` is ours."""

    default_code = "offset_mismatch"

    def __init__(self, offset: int) -> None:
        super().__init__("the upload continues from another offset", offset=offset)
        self.offset = offset


class Superseded(Conflict):
    """A newer request works on this upload; nothing of the older one counts from now on."""

    default_code = "superseded"

    def __init__(self) -> None:
        super().__init__("a newer request took over this upload")


class OverLimit(TooLarge):
    """Larger than this kind of file may be."""

    default_code = "over_limit"

    def __init__(self, allowed: int, kind: str) -> None:
        super().__init__(
            f"a file of kind {kind} may have {allowed} bytes",
            limit="file_size",
            allowed=allowed,
            kind=kind,
        )


class TooManyUploads(Throttled):
    """A limit on uploads that are open or moving; `limit` names it, `allowed` is its value."""

    default_code = "too_many_uploads"

    def __init__(self, limit: str, whose: str, allowed: int, retry_after: int) -> None:
        super().__init__(
            f"{allowed} uploads may be open here at once",
            retry_after=retry_after,
            limit=f"{limit}_{whose}",
            allowed=allowed,
        )


class TooManyStreams(Throttled):
    """A limit on open event streams; `limit` says whose, `allowed` is its value."""

    default_code = "too_many_streams"

    def __init__(self, whose: str, allowed: int) -> None:
        super().__init__(
            f"{allowed} event streams may be open here at once",
            retry_after=5,
            limit=f"streams_{whose}",
            allowed=allowed,
        )


class StreamOver(Exception):
    """Nothing more comes on this event stream; never leaves the route that writes it."""


class RateLimited(Throttled):
    """More requests for uploads in a minute than one person may make."""

    default_code = "rate_limited"

    def __init__(self, per_minute: int, retry_after: int) -> None:
        super().__init__(
            f"{per_minute} uploads may be asked for in a minute",
            retry_after=retry_after,
            limit="requests_per_minute",
            allowed=per_minute,
        )


class _BytesExceeded(TooLarge):
    def __init__(self, limit: str, whose: str, allowed: int) -> None:
        name = f"{limit}_{whose}"
        super().__init__(f"over {allowed} bytes ({name})", limit=name, allowed=allowed)


class BytesInFlightExceeded(_BytesExceeded):
    """Does not fit beside what is open; it may when other uploads have ended.

    `retry_after` is in seconds, None for what would not fit beside nothing either.
    """

    default_code = "bytes_in_flight_exceeded"

    def __init__(self, limit: str, whose: str, allowed: int, retry_after: int | None) -> None:
        super().__init__(limit, whose, allowed)
        self.retry_after = retry_after


class QuotaExceeded(_BytesExceeded):
    """Does not fit beside what this person keeps; it may when something was deleted and purged."""

    default_code = "quota_exceeded"


class PastLength(TooLarge):
    """More bytes than the upload was created for; nothing beyond the length counts."""

    default_code = "past_length"


class ChecksumMismatch(Invalid):
    """The body's bytes are not those that its checksum speaks of; nothing of it counts."""

    default_code = "checksum_mismatch"

    def __init__(self) -> None:
        super().__init__("the body has other bytes than its checksum says")


class LengthMismatch(Invalid):
    """The upload's length was said before, and it was another; or more bytes are there already."""

    default_code = "length_mismatch"


class FileMismatch(Rejected):
    """All bytes arrived, and they are not the file that the client declared; it must send anew."""

    default_code = "checksum_mismatch"

    def __init__(self) -> None:
        super().__init__("the file has another sha256 than was declared")


class FinalUpload(Forbidden):
    """It consists of other uploads and takes no bytes of its own."""

    default_code = "final_upload"


class PartialUnfit(Invalid):
    """Not a partial upload of this caller that can be made part of a final one."""

    default_code = "partial_unfit"


class PartialUnfinished(Conflict):
    """A final upload is asked for before all its pieces have arrived; later it may succeed."""

    default_code = "partial_unfinished"


class KindForbidden(Forbidden):
    """This role may not upload this kind."""

    default_code = "kind_forbidden"


class TypeNotAllowed(UnsupportedType):
    """The declared type, or the kind, is not one that is taken."""

    default_code = "type_not_allowed"


class ContentRefused(UnsupportedType):
    """The bytes are not of a type that is taken, or of another one than was said; `code` tells."""

    default_code = "content_not_allowed"


class FileEmpty(Rejected):
    """A file without a byte."""

    default_code = "empty"


class MalformedForm(Invalid):
    """The body is no multipart form, or one beyond the bounds of what is read of one."""

    default_code = "malformed_form"


class FormTooLarge(TooLarge):
    """More bytes than all the files of one form may have together."""

    default_code = "form_too_large"

    def __init__(self) -> None:
        super().__init__("a form may not have so many bytes", limit="form_size")


class TooManyFiles(TooLarge):
    """More files in one form than may be sent at once."""

    default_code = "too_many_files"

    def __init__(self, allowed: int) -> None:
        super().__init__(
            f"a form may bring {allowed} files", limit="files_per_form", allowed=allowed
        )


class UploadBusy(Unavailable):
    """An older request on this upload does not end; a try a moment later may succeed."""

    default_code = "upload_busy"


class UploadCut(Unavailable):
    """The request was ended before its body; what arrived is kept and the client may go on."""

    default_code = "upload_cut"


class PartsLost(Conflict):
    """The store has not what it acknowledged; whoever meets this gives nothing up."""

    default_code = "parts_lost"


class BytesReplaced(PartsLost):
    """The object exists and is not what was acknowledged: a late request wrote over a part."""

    default_code = "bytes_replaced"


class MultipartForgotten(PartsLost):
    """The store knows nothing of the multipart; if that stays so, only a new upload helps."""

    default_code = "multipart_forgotten"
