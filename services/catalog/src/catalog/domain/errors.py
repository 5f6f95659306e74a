"""What only the catalog can refuse."""

from common.errors import Conflict


class VersionMismatch(Conflict):
    """The asset is not the version the caller has seen."""

    default_code = "version_mismatch"
