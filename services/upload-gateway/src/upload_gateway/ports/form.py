"""A multipart form as it arrives."""

from typing import Protocol

from upload_gateway.ports.body import Body


class FormPart(Protocol):
    """The head of one part of a form, as its sender wrote it."""

    @property
    def name(self) -> str:
        """The name of the field."""
        ...

    @property
    def file_name(self) -> str | None:
        """None for a part that is no file; empty where no file was chosen."""
        ...

    @property
    def content_type(self) -> str | None:
        """What the sender declares of a file."""
        ...


class Form(Body, Protocol):
    """A multipart form as it arrives, one part after the other; as a Body, the present part.

    Every method raises BodyCut when the request ends, or must end, before the form does, and
    MalformedForm for what is no form; once raised it is raised again and again. Memory does not
    grow with what is read.
    """

    async def following(self) -> FormPart | None:
        """The next part; what is left of the present one is read and dropped. None at the end."""
        ...

    async def opening(self, size: int) -> bytes:
        """The first bytes of the present part: `size` of them, or all; they stay to be read."""
        ...

    async def text(self) -> str:
        """The whole present part, a small field; raises MalformedForm for a large one."""
        ...
