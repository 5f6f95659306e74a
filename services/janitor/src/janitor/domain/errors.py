"""What the janitor says no to."""

from common.errors import Corrupt


class RefusesToDelete(Corrupt):
    """A fact names an object that is not of the asset or upload it speaks about.

    Permanent: no later try makes a foreign key ours, so the fact goes to the dead letter topic
    and nothing of it is deleted, not even its other keys. A producer that names one wrong key is
    not trusted with the rest.
    """

    default_code = "refuses_to_delete"
