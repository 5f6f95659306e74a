"""The kinds of failure every edge knows how to answer.

    RepriseError
    ├── Invalid            the request cannot be understood            HTTP 400
    ├── Unauthenticated    who is asking is not known                  HTTP 401
    ├── Forbidden          known, and not allowed                      HTTP 403
    ├── NotFound           never existed, or not for these eyes        HTTP 404
    ├── Conflict           the state says no; later it may say yes     HTTP 409; Kafka: park
    │   └── NotYet         what it depends on has not arrived here     HTTP 409; Kafka: park
    ├── Gone               existed and will not come back              HTTP 410
    ├── TooLarge           past a size limit                           HTTP 413
    ├── UnsupportedType    a media type that is not accepted           HTTP 415
    ├── Rejected           understood, and refused for its content     HTTP 422
    ├── Throttled          a limit of this caller, with a delay        HTTP 429; Kafka: retry
    ├── Unavailable        a part we need does not answer              HTTP 503; Kafka: retry
    └── Corrupt            bytes or records that are never right       HTTP 500; Kafka: dead letter

Kinds know nothing of HTTP or Kafka: `common.web.problems` and `common.kafka.redelivery` hold the
two tables.
"""


class RepriseError(Exception):
    """Root of the tree.

    `code` is the stable word clients and dashboards rely on; `detail` is one sentence for a person
    and must not carry a token, a key or a name; `extensions` are further members of the problem
    document.
    """

    default_code = "internal_error"

    def __init__(self, detail: str = "", *, code: str | None = None, **extensions: object) -> None:
        super().__init__(detail or code or self.default_code)
        self.detail = detail
        self.code = code or self.default_code
        self.extensions = extensions


class Invalid(RepriseError):
    """The request cannot be understood as it stands."""

    default_code = "invalid_request"


class Unauthenticated(RepriseError):
    """No credentials, or credentials that do not verify."""

    default_code = "unauthenticated"


class Forbidden(RepriseError):
    """The caller is known and has no right to this."""

    default_code = "forbidden"


class NotFound(RepriseError):
    """Nothing here, or nothing this caller may know of."""

    default_code = "not_found"


class Conflict(RepriseError):
    """The present state does not allow it."""

    default_code = "conflict"


class NotYet(Conflict):
    """What this depends on has not arrived here yet.

    Codes: `asset_unknown`, `run_unknown` and their like wait for a fact of another topic,
    `sequence_gap` for an earlier one of the same topic, `unknown_type` for a newer version of this
    program.
    """

    default_code = "not_yet"


class Gone(RepriseError):
    """It was here and will not come back under this name."""

    default_code = "gone"


class TooLarge(RepriseError):
    """Past a size limit; the detail says which."""

    default_code = "too_large"


class UnsupportedType(RepriseError):
    """A media type that is not accepted here."""

    default_code = "unsupported_type"


class Rejected(RepriseError):
    """Well-formed, and refused for what it contains."""

    default_code = "rejected"


class Throttled(RepriseError):
    """A limit of this caller. `retry_after` is in seconds."""

    default_code = "throttled"

    def __init__(
        self, detail: str = "", *, retry_after: int, code: str | None = None, **extensions: object
    ) -> None:
        super().__init__(detail, code=code, **extensions)
        self.retry_after = retry_after


class Unavailable(RepriseError):
    """A part we depend on does not answer now. `retry_after` is in seconds."""

    default_code = "unavailable"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        retry_after: int = 5,
        **extensions: object,
    ) -> None:
        super().__init__(detail, code=code, **extensions)
        self.retry_after = retry_after


class Corrupt(RepriseError):
    """Bytes or a record that no later try can make right."""

    default_code = "corrupt"
