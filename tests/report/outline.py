"""A page as a reader's program sees it: its elements, its attributes, its text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import NamedTuple

VOID = frozenset({"meta", "img", "br", "path", "use"})


class Element(NamedTuple):
    """One element with all the text below it.

    Attributes:
        within: Tags of the elements around it, the outermost first.
    """

    tag: str
    attributes: Mapping[str, str]
    within: tuple[str, ...]
    text: str


class Outline(HTMLParser):
    """Elements of a page in order; raises where they do not nest."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self._found: list[Element | None] = []
        self._places: list[int] = []
        self.feed(page)
        self.close()
        if self._open:
            raise ValueError(f"<{self._open[-1][0]}> is never closed")

    @property
    def elements(self) -> list[Element]:
        """All of them, in the order in which they open."""
        return [element for element in self._found if element is not None]

    def all(self, tag: str, **attributes: str) -> Iterator[Element]:
        """Elements of a tag with such attributes; a name ends in `_`, and holds it for `-`."""
        wanted = {name.rstrip("_").replace("_", "-"): text for name, text in attributes.items()}
        for element in self.elements:
            if element.tag == tag and wanted.items() <= element.attributes.items():
                yield element

    @property
    def text(self) -> str:
        """All the text of the page, as read."""
        return next(self.all("html")).text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append((tag, {name: value or "" for name, value in attrs}, []))
        self._places.append(len(self._found))
        self._found.append(None)
        if tag in VOID:
            self.handle_endtag(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID and (not self._open or self._open[-1][0] != tag):
            return
        opened, attributes, texts = self._open.pop()
        if opened != tag:
            raise ValueError(f"<{opened}> is closed by </{tag}>")
        text = "".join(texts)
        within = tuple(name for name, _, _ in self._open)
        self._found[self._places.pop()] = Element(tag, attributes, within, text)
        if self._open:
            self._open[-1][2].append(text)

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][2].append(data)


def assert_inactive(outline: Outline) -> None:
    """No element, attribute or address by which a page could act, and a policy that forbids it."""
    tags = {element.tag for element in outline.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "link", "base", "video"}
    for element in outline.elements:
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href", "action"):
                assert value.startswith(("#", "data:image/jpeg;base64,"))
    [policy] = outline.all("meta", http_equiv="Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'; style-src 'unsafe-inline';")
