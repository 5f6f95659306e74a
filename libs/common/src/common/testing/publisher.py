"""Records what a use case appended to the outbox, for tests without a database."""

from typing import TypeVar

from common.events import Event, Message, decode

E = TypeVar("E", bound=Event)


class RecordingPublisher:
    """An outbox in a list. Usable as `publisher(message)` and as `publisher.append(message)`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def append(self, message: Message) -> None:
        """Keep a record; nothing is checked that the real outbox would not accept."""
        self.messages.append(message)

    async def __call__(self, message: Message) -> None:
        await self.append(message)

    def events(self) -> list[Event]:
        """What was appended, read back as a consumer would; tombstones are left out."""
        read = [decode(m.key.encode(), m.headers(), m.payload).event for m in self.messages]
        return [event for event in read if event is not None]

    def of(self, kind: type[E]) -> list[E]:
        """The events of one type, in order."""
        return [event for event in self.events() if isinstance(event, kind)]

    def types(self) -> list[str]:
        """The type of each record, tombstones included."""
        return [message.envelope.type for message in self.messages]
