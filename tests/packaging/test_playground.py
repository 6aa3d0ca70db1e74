# SPDX-License-Identifier: MIT
"""The playground page in a real browser: `make test-playground`.

Compares what is drawn with what samara itself returns in the page's Python.
"""

import os
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest

FOLDER = os.environ.get("SAMARA_PLAYGROUND")
CHROMIUM = shutil.which("chromium")
if not FOLDER or not CHROMIUM:
    pytest.skip("make test-playground builds the page and runs these", allow_module_level=True)
api = pytest.importorskip("playwright.sync_api")

LOADED_WITHIN = 300_000  # milliseconds


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=FOLDER))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


class Site:
    """The page, in terms of what a user does and sees."""

    def __init__(self, page, address):
        self.page = page
        page.set_default_timeout(LOADED_WITHIN)
        self.requests, self.complaints = [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self.note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector("body[data-ready]")

    def note(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def click(self, text):
        self.page.get_by_role("button", name=text, exact=True).click()

    def fill(self, label, value):
        self.page.get_by_label(label, exact=True).fill(str(value))

    def store(self, first, last, value):
        for label, given in (("First", first), ("Last", last), ("Value", value)):
            self.fill(label, given)
        self.click("Store")

    def choose(self, tree):
        self.page.get_by_role("combobox", name="Tree").select_option(tree)

    def enter(self, statement):
        """Type a statement into the console, and return what it prints."""
        before = self.log()
        source = self.page.get_by_label("Python statement")
        source.fill(statement)
        source.press("Enter")
        return self.log().removeprefix(before).partition("\n")[2].rstrip("\n")

    def log(self):
        return self.page.locator("#log").text_content()

    def nodes(self):
        """Return what is drawn: the data of each box, its look and its text."""
        return self.page.locator("#drawing .node").evaluate_all(
            """boxes => boxes.map(box => ({
                ...box.dataset,
                users: box.dataset.users.split(" "),
                fill: getComputedStyle(box.querySelector(".box")).fill,
                text: box.textContent,
                place: box.getAttribute("transform"),
            }))"""
        )

    def look(self, kind):
        """Return the colour of a kind of node in the legend."""
        return self.page.locator(f"#legend .{kind}").evaluate(
            "item => getComputedStyle(item, '::before').backgroundColor"
        )

    def picture(self):
        return self.page.locator("#drawing").inner_html()


@pytest.fixture(scope="module")
def loaded(browser, address):
    page = browser.new_page()
    yield Site(page, address)
    page.close()


@pytest.fixture
def site(loaded):
    """Return the page with one small tree, as it is after loading."""
    loaded.click("Start over")
    yield loaded
    assert not loaded.complaints
    urls = [urlsplit(url) for url in loaded.requests if not url.startswith("data:")]
    assert {url.hostname for url in urls} == {"127.0.0.1"}


def names(nodes):
    return {node["node"] for node in nodes}


def around(nodes, key):
    return [node for node in nodes if int(node["first"]) <= key <= int(node["last"])]


def test_the_tree_is_the_one_in_plain_python(site):
    assert site.enter("samara.implementation") == "'python'"
    assert site.enter("t") == "MapleTree([(10, 19, 'a'), (30, 39, 'b')])"


def test_stores_until_a_node_splits(site):
    counts = []
    for number in range(12):
        site.store(100 + number * 10, 100 + number * 10 + 4, f"v{number}")
        nodes = site.nodes()
        counts.append(len(nodes))
        assert str(len(nodes)) == site.enter("t.node_count")
        assert any(f"'v{number}'" in node["text"] for node in nodes if node["level"] == "0")
    assert counts[0] == 1
    assert counts[-1] == 3
    assert [node["level"] for node in nodes].count("0") == 2
    assert len({node["place"] for node in nodes}) == 3
    about = site.enter("print(f't: {len(t)} ranges, height {t.height}, {t.node_count} nodes')")
    assert site.page.locator("#trees li").all_text_contents() == [about]


def test_erase_and_clear(site):
    site.fill("First", 15)
    site.click("Erase at first")
    assert site.enter("list(t)") == "[Entry(first=30, last=39, value='b')]"
    site.fill("First", 32)
    site.fill("Last", "0x23")
    site.click("Clear first to last")
    assert site.enter("[tuple(entry) for entry in t]") == "[(30, 31, 'b'), (36, 39, 'b')]"
    (leaf,) = site.nodes()
    assert "32–35gap 4" in leaf["text"]


def test_a_store_in_place(site):
    site.store(10, 19, "z")
    (leaf,) = site.nodes()
    assert leaf["change"] == "written"
    assert leaf["fill"] == site.look("written")


def test_a_fork_shares_all_nodes_until_a_write_copies_its_path(site):
    site.click("Fill 40 ranges")
    count = int(site.enter("t.node_count"))
    site.click("Fork")
    forked = site.nodes()
    assert len(forked) == count == int(site.enter("u.node_count"))
    assert all(node["users"] == ["t", "u"] for node in forked)
    assert {node["fill"] for node in forked} == {site.look("shared")}
    assert site.page.locator("#drawing .tag").count() == 2

    site.store(200, 207, "X")
    assert site.enter("t[200], u[200]") == "('u', 'X')"
    nodes = site.nodes()
    copied = [node for node in nodes if node["change"] == "copied"]
    used = [node for node in nodes if "u" in node["users"]]
    assert names(copied) == names(around(used, 200))
    assert len(copied) == int(site.enter("u.height")) == 2
    assert {node["fill"] for node in copied} == {site.look("copied")}
    old = [node for node in nodes if node["users"] == ["t"]]
    assert names(old) == names(around(forked, 200))
    assert {node["fill"] for node in old} == {site.look("single")}
    rest = [node for node in nodes if node["change"] == "kept" and node not in old]
    assert names(rest) == names(forked) - names(old)
    assert all(node["users"] == ["t", "u"] for node in rest)
    assert {node["fill"] for node in rest} == {site.look("shared")}
    assert len({node["place"] for node in nodes}) == len(nodes) == count + 2


def test_a_dup_shares_nothing(site):
    site.click("Fill 40 ranges")
    before = site.nodes()
    site.click("Dup")
    nodes = site.nodes()
    assert len(nodes) == 2 * len(before)
    assert [node["users"] for node in nodes].count(["t"]) == len(before)
    copies = [node for node in nodes if node["users"] == ["u"]]
    assert len(copies) == int(site.enter("u.node_count"))
    assert {node["change"] for node in copies} == {"copied"}
    assert site.look("shared") not in {node["fill"] for node in nodes}


def test_the_history_goes_back_and_forward(site):
    pictures, lists = [site.picture()], [site.enter("list(t)")]
    for number in range(3):
        site.store(100 * number, 100 * number + 50, "h")
        pictures.append(site.picture())
        lists.append(site.enter("list(t)"))
    for step in (2, 1, 0):
        site.click("← Back")
        assert site.picture() == pictures[step]
        assert site.enter("list(t)") == lists[step]
    assert site.page.get_by_role("button", name="← Back").is_disabled()
    for step in (1, 2, 3):
        site.click("Forward →")
        assert site.picture() == pictures[step]
        assert site.enter("list(t)") == lists[step]
    assert site.page.get_by_role("button", name="Forward →").is_disabled()
    site.page.get_by_label("Step", exact=True).fill("1")
    assert site.picture() == pictures[1]


def test_the_history_restores_what_is_shared(site):
    site.click("Fork and write")
    picture = site.picture()
    site.click("← Back")
    assert {tuple(node["users"]) for node in site.nodes()} == {("t", "u")}
    site.click("← Back")
    assert site.enter("u").startswith("NameError")
    site.click("Forward →")
    site.click("Forward →")
    assert site.picture() == picture


def test_the_console_runs_statements(site):
    assert site.enter("x = [len(t)]") == ""
    assert site.enter("x") == "[2]"
    assert site.enter("1 / 0") == "ZeroDivisionError: division by zero"
    assert site.enter("t[") == ""  # an unfinished statement gets another line
    site.page.get_by_label("Python statement").fill("")
    assert site.enter("t +") == (
        '  File "<console>", line 1\n    t +\n       ^\nSyntaxError: invalid syntax'
    )
    before = len(site.nodes())
    site.enter("for i in range(40): t[i * 100] = i\n")
    assert len(site.nodes()) > before
    assert len(site.nodes()) == int(site.enter("t.node_count"))
    assert site.enter("v = t[0:50]") == ""
    assert site.page.locator("#drawing .tag").all_text_contents() == ["t", "v"]


def test_presets(site):
    site.click("Split a node")
    assert [node["change"] for node in site.nodes()] == ["new"] * 3
    site.click("Fork and write")
    site.choose("u")
    site.click("Delete tree")
    assert {tuple(node["users"]) for node in site.nodes()} == {("t",)}
    site.click("Delete tree")
    assert not site.nodes()
    assert site.page.get_by_role("button", name="Store", exact=True).is_disabled()


def test_a_number_that_is_none_is_refused_before_it_runs(site):
    before = site.log()
    site.store("ten", 20, "x")
    assert site.log() == before
    site.store(20, 10, "x")
    assert "ValueError" in site.log()


def test_the_keyboard_is_enough(site):
    page = site.page
    site.click("Fill 40 ranges")
    page.get_by_label("Value", exact=True).press("Enter")
    assert "t.store_range(" in page.locator("#step").text_content()
    page.get_by_label("Fit to width").press("Tab")
    focused = [page.evaluate("document.activeElement.dataset.node")]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        focused.append(page.evaluate("document.activeElement.dataset.node"))
    assert focused == [node["node"] for node in site.nodes()][:4]
    site.enter("t.height")
    source = page.get_by_label("Python statement")
    source.press("ArrowUp")
    assert source.input_value() == "t.height"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_widths_and_colour_schemes(site, width, scheme):
    """Only the drawing scrolls sideways, and each kind of node has its own colour."""
    page = site.page
    page.set_viewport_size({"width": width, "height": 844})
    page.emulate_media(color_scheme=scheme)
    site.click("Fork and write")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    kinds = ("single", "shared", "new", "copied", "written")
    assert len({site.look(kind) for kind in kinds}) == len(kinds)
    assert {node["fill"] for node in site.nodes()} == {
        site.look(kind) for kind in ("single", "shared", "copied")
    }
