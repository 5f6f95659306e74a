"""What the gateway says of an upload's first bytes; the same wherever they are looked at."""

from upload_gateway.domain.acceptance import Refusal, judged_content, labelled_content
from upload_gateway.domain.formats import Format, extension_of
from upload_gateway.domain.upload import Upload


def judged(upload: Upload, sniffed: frozenset[Format], *, accept_any: bool) -> Format | Refusal:
    """The format to record, or why the content is not kept; with `accept_any` all is kept."""
    extension = extension_of(upload.file_name)
    if accept_any:
        return labelled_content(upload.kind, upload.declared_type, extension, sniffed)
    return judged_content(upload.kind, upload.declared_type, extension, sniffed)
