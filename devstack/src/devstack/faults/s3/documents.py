"""The XML that S3 speaks: small documents out, smaller ones in."""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from aiohttp import web

from devstack.faults.s3.errors import Refused

_SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
Tree = tuple[str, "str | int | bool | Sequence[Tree]"]


def answer(name: str, fields: Iterable[Tree]) -> web.Response:
    """A document; a field's value is text or a list of fields."""
    root = ET.Element(name, xmlns=_SPACE)
    _fill(root, fields)
    return web.Response(
        body=ET.tostring(root, xml_declaration=True, encoding="utf-8"),
        content_type="application/xml",
    )


def _fill(parent: ET.Element, fields: Iterable[Tree]) -> None:
    for name, value in fields:
        child = ET.SubElement(parent, name)
        if isinstance(value, bool):
            child.text = "true" if value else "false"
        elif isinstance(value, str | int):
            child.text = str(value)
        else:
            _fill(child, value)


def read(body: bytes) -> ET.Element:
    """A document of a client; raises Refused for one that is none."""
    try:
        root = ET.fromstring(body)
    except ET.ParseError as error:
        raise Refused(400, "MalformedXML") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
