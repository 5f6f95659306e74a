"""Who is at the command line, for the audit."""

from pydantic import Field

from common.settings.groups import Group

NOBODY = "unknown"


class OperatorSettings(Group):
    """The person, or the machine account, whose command changes something."""

    user: str = Field(
        NOBODY,
        max_length=100,
        validation_alias="USER",
        description="Name that a change by command is written down under, where `--operator` gives"
        " none. It proves nothing; who may open the database may write any name.",
    )

    def name(self, given: str | None) -> str:
        """The name to write down: `--operator` before the account's."""
        return (given or self.user).strip()[:100] or NOBODY
