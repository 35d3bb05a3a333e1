"""Documents of XML as trees, in which whatever a vendor writes is text and never markup."""

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree as untyped_etree  # pyright: ignore[reportAttributeAccessIssue] - no types

_etree: Any = untyped_etree

# What XML 1.0 has no way to write (section 2.2, https://www.w3.org/TR/xml/#charsets). lxml
# refuses it, and one such character may not cost a whole document.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Element = Any
"""An element of lxml's, which has no types."""


def root(name: str, namespaces: Mapping[str | None, str], **attributes: str) -> Element:
    """The root of a document. Names are as `{namespace}name`."""
    return _etree.Element(name, _clean(attributes), nsmap=dict(namespaces))


def add(
    parent: Element,
    name: str,
    text: str = "",
    attributes: Mapping[str, str] | None = None,
) -> Element:
    """A new child, after those that are there."""
    child = _etree.SubElement(parent, name, _clean(attributes or {}))
    child.text = _NOT_XML.sub("\ufffd", text) or None
    return child


def document(top: Element, *, declared: bool = True) -> bytes:
    """The whole of it, in UTF-8."""
    return _etree.tostring(top, xml_declaration=declared, encoding="utf-8")


def _clean(attributes: Mapping[str, str]) -> dict[str, str]:
    return {name: _NOT_XML.sub("\ufffd", value) for name, value in attributes.items()}
