"""The interactive report, in a real browser: it asks nobody for anything, and everything can be done by keyboard."""

import base64
import io
import json
import re
import runpy
import shutil
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

from nnlite.runs import LogWriter, read_runs

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "experiments"
QUICKSTART = PUBLISHED / "quickstart"
write_runs = runpy.run_path(str(ROOT / "tests/benchmarks/many_runs.py"))["write_runs"]
EVIL = "\"><img src=x onerror=alert(1)></script><script>alert(2)</script> <b>=1&'{{`"
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,1600"
)

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs Chromium and its driver: apt-get install chromium chromium-driver"
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Some of the published sweeps: all of them make a page that takes seconds to open."""
    folder = tmp_path_factory.mktemp("experiments")
    for name in ("classifier_augmented", "classifier_hidden", "gan_best", "quickstart"):
        shutil.copytree(PUBLISHED / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def page(published, tmp_path_factory, cache):  # noqa: ARG001 - nothing of the user's own
    """The report of published runs."""
    return report(published, tmp_path_factory.mktemp("report"))


def report(experiments, out):
    from nnlite.interactive import write_interactive_report  # noqa: PLC0415 - plotly, for these tests alone

    return write_interactive_report(experiments, out, pytest.fail)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES.split(), f"--user-data-dir={tmp_path_factory.mktemp('user')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def browse(chromium):
    """Open a file; at the end nothing must have been asked for but that file, and no error logged."""
    opened = []

    def show(path, *, dark=False, width=1280):
        for kind in ("browser", "performance"):
            chromium.get_log(kind)  # of the page before
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": 1600, "deviceScaleFactor": 1, "mobile": width < 600}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        chromium.get(path.as_uri())
        opened.append(path.as_uri())
        return chromium

    yield show
    assert [entry["message"] for entry in chromium.get_log("browser")] == []
    messages = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    assert {url for url in asked if not url.startswith(("chrome://", "data:"))} == set(opened[-1:])


@pytest.fixture(scope="module")
def parts(published):
    """How many parts the page has: one for each sweep on each dataset."""
    return len({(run.sweep, run.dataset) for run in read_runs(published)[0]})


class Board:
    """The first sweep's part of a page, with the eyes of one who looks."""

    def __init__(self, driver, place=1):
        self.driver = driver
        self.own = f"#sweep-{place}"

    def ask(self, script, *arguments):
        return self.driver.execute_script(f"const own = document.querySelector('{self.own}'); {script}", *arguments)

    def column(self, name):
        """The cells of the rows that are seen, from top to bottom."""
        return self.ask(
            "const names = [...own.querySelectorAll('thead th')].map((head) => head.dataset.name);"
            "return [...own.querySelectorAll('tbody tr')].filter((row) => row.offsetHeight)"
            ".map((row) => row.cells[names.indexOf(arguments[0])].innerText)",
            name,
        )

    def lines(self, plot):
        return self.ask(f"return own.querySelector('.{plot}').data.map((trace) => trace.name ?? '')")

    @property
    def count(self):
        return self.ask("return own.querySelector('.count').innerText")

    def focus(self, selector):
        self.ask(f'own.querySelector("{selector}").focus()')

    def press(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)


@needs_browser
def test_the_leader_board_is_sorted_by_keyboard_and_says_how(browse, page, parts):
    board = Board(browse(page), place=parts)
    rates = board.column("learning_rate")
    assert len(rates) > 4
    board.focus("th[data-name='learning_rate'] button")
    for key, state, falling in ((Keys.ENTER, "ascending", False), (Keys.SPACE, "descending", True)):
        board.press(key)
        assert board.column("learning_rate") == sorted(rates, key=float, reverse=falling)
        heads = board.ask("return [...own.querySelectorAll('th[aria-sort]')].map((head) => head.ariaSort)")
        assert heads.count(state) == 1
        assert heads.count("none") == len(heads) - 1
    board.focus("th[data-name='place'] button")
    board.press(Keys.ENTER)
    assert board.column("learning_rate") == rates


@needs_browser
@pytest.mark.parametrize(
    ("words", "holds"),
    [
        ("learning_rate>=0.3", lambda row: float(row["learning_rate"]) >= 0.3),
        ("learning_rate<0.3 hidden=128", lambda row: float(row["learning_rate"]) < 0.3 and row["hidden"] == "128"),
        ("place<=3", lambda row: int(row["place"]) <= 3),
        ("val_acc>0.9", lambda row: float(row["val_acc"].split()[0]) > 90),
        ("nothing holds this", lambda _: False),
    ],
)
def test_the_filter_is_typed_and_holds_for_table_and_figures(browse, page, parts, words, holds):
    board = Board(browse(page), place=parts)
    names = ("place", "learning_rate", "hidden", "val_acc")
    rows = [dict(zip(names, cells, strict=True)) for cells in zip(*map(board.column, names), strict=True)]
    wanted = [row["place"] for row in rows if holds(row)]
    board.focus(".filter")
    board.press(words)
    assert board.column("place") == wanted
    assert board.count.startswith(f"{len(wanted)} of {len(rows)} configurations")
    assert len(board.lines("parallel")) == len(wanted)
    board.press(*[Keys.BACKSPACE] * len(words))
    assert len(board.column("place")) == len(rows)


@needs_browser
def test_boxes_choose_the_curves_and_the_menus_what_they_show(browse, page, parts):
    board = Board(browse(page), place=parts)
    board.focus(".none")
    board.press(Keys.ENTER)
    assert board.lines("curves") == []
    board.press(Keys.TAB, Keys.TAB)
    board.focus("tbody tr:nth-child(2) input")
    board.press(Keys.SPACE)
    assert [name for name in board.lines("curves") if name] == [f"2: {label_of(board, 2)}"]
    board.focus(".metric")
    board.press("training loss")
    title = board.ask("return own.querySelector('.curves').layout.yaxis.title.text")
    assert title == "training loss"
    board.focus(".parameter")
    board.press("learning_rate")
    assert board.ask("return own.querySelector('.dots').layout.xaxis.title.text") == "learning_rate"
    board.focus(".best")
    board.press(Keys.ENTER)
    assert len([name for name in board.lines("curves") if name]) == min(7, len(board.column("place")))


def label_of(board, place):
    box = f"own.querySelector('tbody tr:nth-child({place}) input')"
    return board.ask(f"return {box}.ariaLabel").split(": ", 1)[1]


@needs_browser
def test_the_tab_key_leads_through_everything_in_the_order_of_reading(browse, page, parts):
    driver = browse(page)
    seen = []
    while "INPUT" not in seen and len(seen) < 60:  # the first box of the first leader board
        driver.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(driver.execute_script("const e = document.activeElement; return e.className || e.tagName"))
    wanted = ["skip", *["A"] * parts, "filter", "metric", "parameter", "none", "best", "scroll", "BUTTON"]
    assert seen[: len(wanted)] == wanted
    assert "INPUT" in seen


@needs_browser
def test_a_figure_tells_what_is_under_the_pointer(browse, page):
    board = Board(browse(page))
    board.ask("Plotly.Fx.hover(own.querySelector('.curves'), [{curveNumber: 1, pointNumber: 2}])")
    assert re.search(r"epoch 3\D*1: ", board.ask("return own.querySelector('.curves .hoverlayer').textContent"))


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_ink_and_paper_can_be_told_apart_by_day_and_by_night(browse, page, dark):
    driver = browse(page, dark=dark)
    colours = driver.execute_script(
        "const body = getComputedStyle(document.body);"
        "const tick = getComputedStyle(document.querySelector('.xtick text')).fill;"
        "return [body.backgroundColor, body.color, tick, getComputedStyle(document.querySelector('.hint')).color]"
    )
    paper, *inks = (luminance(colour) for colour in colours)
    assert (paper < 0.1) == dark
    for ink in inks:
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5  # WCAG AA


def luminance(colour):
    """The relative luminance of WCAG 2."""
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@needs_browser
def test_a_phone_scrolls_tables_and_never_the_page_sideways(browse, page):
    driver = browse(page, width=360)
    assert driver.execute_script("return document.documentElement.scrollWidth") == 360
    assert (
        driver.execute_script("return Math.max(...[...document.querySelectorAll('.plot')].map((e) => e.offsetWidth))")
        <= 360
    )


@needs_browser
def test_what_a_log_says_is_text_and_never_markup(browse, tmp_path):
    """F70."""
    for number in range(3):
        with LogWriter(tmp_path / "runs" / f"{number}" / "run.jsonl") as log:
            config = {"note": f"{EVIL}{number}", EVIL: number}
            log.write(
                "start", run=f"{EVIL}{number}", sweep=EVIL, model="classifier", dataset=EVIL, config=config, seed=0
            )
            log.write("epoch", epoch=1, **{"val_acc": number / 10, EVIL: 1.0})
            log.write("end", status="completed", metrics={})
    board = Board(browse(report(tmp_path / "runs", tmp_path)))
    assert board.ask("return document.querySelectorAll('img, b').length") == 0
    assert board.ask("return document.scripts.length") == 3  # the data, Plotly, and the program
    assert board.column("note")[0] == f"{EVIL}2"
    assert board.ask("return own.querySelector('h2').innerText") == f"{EVIL} (classifier on {EVIL})"
    options = board.ask("return [...own.querySelectorAll('.parameter option')].map((each) => each.innerText)")
    assert options == [EVIL, "note"]
    assert board.ask("return own.querySelector('.dots .xtitle').textContent") == EVIL
    board.ask("Plotly.Fx.hover(own.querySelector('.dots'), [{curveNumber: 0, pointNumber: 0}])")
    assert f"run {EVIL}2" in board.ask("return own.querySelector('.dots .hoverlayer').textContent")


@needs_browser
def test_thousands_of_runs_are_drawn_as_far_as_they_can_be_told_apart(browse, tmp_path):
    write_runs(tmp_path / "experiments", 480, 6)
    board = Board(browse(report(tmp_path / "experiments", tmp_path)))
    assert len(board.column("place")) > 100
    assert len(board.lines("parallel")) == 100
    assert board.driver.execute_script("return document.querySelectorAll('h2')[1].innerText") == "Left out"


def test_the_same_logs_give_the_same_bytes(page, published, tmp_path):
    assert report(published, tmp_path).read_bytes() == page.read_bytes()


def test_the_table_says_without_any_program_what_each_configuration_is_worth(page, published):
    html = page.read_text("utf-8")
    rows = len(re.findall(r"<tr data-row=", html))
    compared = [run for run in read_runs(published)[0] if run.config["validation"]]  # the others are refits
    configs = {(run.sweep, run.dataset, json.dumps({**run.config, "seed": None}, sort_keys=True)) for run in compared}
    assert rows == len(configs)
    assert "<strong>hidden 128, learning_rate 3</strong> is the best of 8 configurations" in html
    assert all(sentence.endswith(".") for sentence in re.findall(r"<p>(.*?)</p>", html[:20_000]))


def test_what_a_gan_drew_is_in_the_page_and_a_classifier_has_no_such_part(page):
    sections = re.findall(r"<section id=.*?</section>", page.read_text("utf-8"), re.DOTALL)
    shown = {re.search(r"<h2[^>]*>(.*?)</h2>", each).group(1): each for each in sections if "What was drawn" in each}
    assert {title.split(" (")[1].split()[0] for title in shown} == {"gan"}
    best = next(each for title, each in shown.items() if title.startswith("gan_best") and "fashion" not in title)
    assert "<strong>0 of 10 runs</strong> ended so." in best
    pictures = [
        Image.open(io.BytesIO(base64.b64decode(data)))
        for data in re.findall(r'<img src="data:image/\w+;base64,([^"]+)" alt="[^"]+">', best)
    ]
    assert [(each.format, getattr(each, "n_frames", 1)) for each in pictures] == [("PNG", 1)] * 4 + [("GIF", 50)]


@needs_browser
def test_what_a_gan_drew_opens_and_shows_its_pictures(browse, page):
    driver = browse(page)
    driver.find_element("css selector", "details.pictures > summary").send_keys(Keys.ENTER)
    pictures = driver.find_elements("css selector", "details.pictures[open] img")
    assert len(pictures) == 4
    assert all(each.is_displayed() and int(each.get_property("naturalWidth")) > 100 for each in pictures)


def test_what_is_to_be_typed_stands_as_code(page):
    text = page.read_text("utf-8")
    assert "<code>seeds = 3</code>" in text
    assert "`seeds" not in text


def test_the_page_loads_and_sends_nothing(page):
    """By its policy, which the browser enforces; the tests above see that nothing is tried either."""
    html = page.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html).group(1)
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert not re.search(r"<(link|img|iframe|script)[^>]+(src|href)=", html[: html.index("<style>")])


def test_html_is_asked_for_at_the_command_line(ask, tmp_path):
    done = ask("report", QUICKSTART, "--html", "--out", tmp_path)
    assert done.stdout == f"{tmp_path}/report.html\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    (tmp_path / "report.html").write_text("<!doctype html>mine")
    assert "is not a report" in ask("report", QUICKSTART, "--html", "--out", tmp_path, code=2).stderr


def test_without_plotly_the_command_that_installs_it_is_named(ask, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "pip install 'nnlite[html]'" in ask("report", QUICKSTART, "--html", "--out", tmp_path, code=2).stderr
