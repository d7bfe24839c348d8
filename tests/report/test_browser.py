"""The page as a browser without a network shows it: every script, every width, light and dark."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.shown_runs import LANGUAGES, awkward, in_many_scripts
from vla_backfire.languages import languages
from vla_backfire.report.page import write_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.ci

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
FONTS = {
    "ar": "Noto Sans Arabic",
    "hi": "Noto Sans Devanagari",
    "ja": "Noto Sans CJK JP",
    "ko": "Noto Sans CJK KR",
    "th": "Noto Sans Thai",
    "zh-Hans": "Noto Sans CJK SC",
}
WIDE, NARROW = 1280, 360
READING = Path(__file__).with_name("reading.js").read_text(encoding="utf-8")
TOFU = "\U000f8ff0"
"""A letter of private use, which no font here has."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; none is ever downloaded."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("no chromium on the PATH; install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield launched
        launched.close()


# -- the pages ------------------------------------------------------------------------------------


RUNS = {"in many scripts": in_many_scripts, "awkward": awkward}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each run."""
    folder = tmp_path_factory.mktemp("pages")
    return {
        name: write_page(make(folder / str(n)), folder / f"{n}.html")
        for n, (name, make) in enumerate(RUNS.items())
    }


Opened = Callable[..., AbstractContextManager["Page"]]


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path]) -> Opened:
    """Opens a page with every part unfolded and no network, and watches what it asks for."""

    @contextmanager
    def window(name: str, *, width: int = WIDE, scheme: Any = "light") -> Iterator[Page]:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        address, asked, complaints = files[name].as_uri(), [], []
        context.route(lambda url: url != address, lambda route: route.abort())
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        yield page
        assert [url for url in asked if not url.startswith("data:image/jpeg;base64,")] == [address]
        assert complaints == []
        context.close()

    return window


def asked_of(page: Page, question: str, of: object = None) -> Any:
    """What one of the functions of `reading.js` answers."""
    return page.evaluate(f"(of) => ({READING}).{question}(of)", of)


# -- any page, any window -------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_reaches_beyond_the_window(opened: Opened, name: str, width: int) -> None:
    with opened(name, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert asked_of(page, "wide") == []


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(
    opened: Opened, name: str, scheme: str
) -> None:
    with opened(name, scheme=scheme) as page:
        seen = asked_of(page, "faint", 4.5)
        assert seen["n"] > 500
        assert seen["found"] == []
        assert asked_of(page, "faint", 22)["found"] != []  # black on white has 21


def test_every_picture_is_there_and_described(opened: Opened) -> None:
    with opened("in many scripts") as page:
        images = page.locator("img")
        assert images.count() == 3
        for image in images.all():
            assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 672
            assert image.get_attribute("alt")
        for drawing in page.locator("svg").all():
            assert drawing.get_attribute("role") == "img"
            assert drawing.get_attribute("aria-label")


def test_the_keyboard_reaches_the_answer_and_opens_what_is_folded(opened: Opened) -> None:
    with opened("awkward") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.url.endswith("#answer")
        folded = page.locator("details").first
        folded.evaluate("part => { part.open = false }")
        folded.locator("summary").focus()
        for key, is_open in (("Enter", True), ("Space", False)):
            page.keyboard.press(key)
            assert folded.evaluate("part => part.open") == is_open


def test_landmarks_lead_through_the_page(opened: Opened) -> None:
    with opened("awkward") as page:
        for role in ("banner", "main", "navigation"):
            assert page.get_by_role(role).count() == 1
        for link in page.get_by_role("navigation").get_by_role("link").all():
            part = page.locator(str(link.get_attribute("href")))
            assert part.get_by_role("heading", level=2).inner_text() == link.inner_text()
        names = page.evaluate(
            "[...document.querySelectorAll('[role=region]')].map(part => part.ariaLabel)"
        )
        assert len(set(names)) == len(names)


def test_printed_it_has_margins_and_every_part_but_the_episodes(opened: Opened) -> None:
    with opened("awkward") as page:
        page.evaluate("for (const d of document.querySelectorAll('details')) d.open = false")
        page.emulate_media(media="print")
        shown = {
            id_: page.locator(f"#{id_} details table, #{id_} details dl").first.is_visible()
            for id_ in ("rates", "joint", "scenarios", "limits", "episodes")
        }
        assert shown.pop("episodes") is False
        assert all(shown.values())
        assert page.get_by_text("Printed pages hold").is_visible()


# -- every script ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", FONTS)
def test_every_letter_comes_from_a_font_of_its_script(opened: Opened, tag: str) -> None:
    with opened("in many scripts") as page:
        selector = f".passage:lang({tag})"
        texts = page.locator(selector).all_inner_texts()
        assert len(texts) > 6
        letters = sorted({letter for text in texts for letter in text if not letter.isspace()})
        assert asked_of(page, "tofu", {"selector": selector, "letters": [*letters, TOFU]}) == [TOFU]
        assert fonts_of(page, selector) == {FONTS[tag]}
        assert fonts_of(page, f".autonym:lang({tag})") == {FONTS[tag]}


def fonts_of(page: Page, selector: str) -> set[str]:
    """Families that Chromium drew the texts of some elements with."""
    devtools = page.context.new_cdp_session(page)
    for domain in ("DOM", "CSS"):
        devtools.send(f"{domain}.enable")
    root = devtools.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    asked = {"nodeId": root, "selector": selector}
    nodes = devtools.send("DOM.querySelectorAll", asked)["nodeIds"]
    assert nodes
    return {
        font["familyName"]
        for node in nodes
        for font in devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    }


def test_arabic_runs_from_the_right_and_nothing_else_does(opened: Opened) -> None:
    with opened("in many scripts") as page:
        for tag in LANGUAGES:
            directions = asked_of(page, "directions", f"main :lang({tag}):is(.passage, bdi)")
            assert set(directions) == {languages()[tag].direction}
        gaps = asked_of(page, "gaps", ".passage:lang(ar)")
        assert len(gaps) > 6
        assert all(right < 1 < left for left, right in gaps)


def test_every_script_is_read_as_what_it_is(opened: Opened) -> None:
    with opened("in many scripts") as page:
        rows = page.locator(".episodes tbody tr").all_inner_texts()
        assert len(rows) == 2 * len(LANGUAGES) + 1
        for tag in FONTS:
            name = languages()[tag].name
            told = page.locator(".episodes tr", has_text=name).locator(".passage")
            assert {it.get_attribute("lang") for it in told.all()} == {tag}
