"""What an S3 server says no with: a status, a code, and the XML document that carries both."""

from xml.sax.saxutils import escape

from aiohttp import web


class Refused(Exception):
    """Ends an operation with S3's own error document; nothing was changed by it."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message or code

    def answer(self, *, bodiless: bool = False) -> web.Response:
        """The document; an answer to HEAD has none."""
        if bodiless:
            return web.Response(status=self.status)
        return web.Response(
            status=self.status,
            content_type="application/xml",
            text='<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(self.code)}</Code>"
            f"<Message>{escape(self.message)}</Message></Error>",
        )


def no_such_key() -> Refused:
    return Refused(404, "NoSuchKey", "The specified key does not exist.")


def no_such_upload() -> Refused:
    return Refused(404, "NoSuchUpload", "The specified multipart upload does not exist.")


def not_implemented() -> Refused:
    return Refused(501, "NotImplemented", "This store has been told not to offer this.")
