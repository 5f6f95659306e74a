"""State of webhooks: enough to know that one was there, not enough to call it.

The path and the query of a target are very often its credential, and the signing secret is one:
none of them enters the log (design rule 10). A recovered webhook waits, disabled, for an admin to
give it its address and a new secret.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.events.model import StateRecord
from common.events.topics import CATALOG_STATE
from common.events.v1.fields import Requires, UserRef


class WebhookState(StateRecord):
    """Somebody wants to be told of events. Key `webhook/<webhook_id>`."""

    TOPIC: ClassVar = CATALOG_STATE
    TYPE: ClassVar = "reprise.state.webhook.v1"
    KEY: ClassVar = "webhook/{webhook_id}"
    requires: Requires = 1
    webhook_id: UUID = Field(description="the webhook")
    user_id: UserRef
    label: str | None = Field(default=None, description="for people")
    origin: str = Field(description="https://host[:port] of the target; never its path or query")
    events: tuple[str, ...] = Field(default=(), description="types asked for; empty: all")
    enabled: bool = Field(description="whether it was called")
    created_at: datetime = Field(description="when it was made")
