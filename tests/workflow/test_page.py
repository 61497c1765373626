"""The page of the results, as a browser shows it: built by the workflow, and opened in Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from playwright.sync_api import Browser, Page

from conftest import Sandbox, opened, tiny_config
from rlgames.figures import style
from rlgames.pages import curves
from rlgames.pages import page as building

TITLE = 'Tiny <b>results</b> & "more"'

CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const over = (top, below) => top.length < 4 || top[3] === 1
    ? top : top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
  const ground = element => {
    const own = parse(getComputedStyle(element).backgroundColor);
    if (own.length < 4 || own[3] === 1) return own;
    return element.parentElement ? over(own, ground(element.parentElement)) : [255, 255, 255];
  };
  const light = colour => {
    const [r, g, b] = colour.map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const words = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!words || element.closest('script, style') || !element.checkVisibility()) continue;
    const style = getComputedStyle(element), back = ground(element);
    const front = parse(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(over(front, back)), light(back)].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) found.push([element.textContent.trim().slice(0, 40), style.color, back.join()]);
  }
  return found;
}"""


STROKES = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = colour => {
    const [r, g, b] = colour.map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const found = [];
  for (const line of document.querySelectorAll('.chart .line, .chart .mean, .chart .point, .chart .filmed')) {
    const style = getComputedStyle(line), back = parse(getComputedStyle(line.closest('.chart')).backgroundColor);
    const front = parse(line.classList.contains('point') ? style.fill : style.stroke);
    const seen = front.map((c, i) => c * style.opacity + back[i] * (1 - style.opacity));
    const [a, b] = [light(seen), light(back)].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 3) found.push([line.className.baseVal, style.stroke, (a + .05) / (b + .05)]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def results(sandbox: Sandbox) -> Path:
    """The results of two linear experiments, and of a deep agent with its videos."""
    config = tiny_config("results/page")
    config |= {"block_size": 4, "title": TITLE, "abstract": "One </script> paragraph.\n\nAnother."}
    config["evaluation"] = {"episodes": 2, "checkpoint_episodes": 1}
    config["experiments"]["pole"] = {
        "environment": {"name": "gymnasium", "id": "CartPole-v1"},
        "agent": {"name": "dqn", "network": "mlp", "units": [8], "warm_up": 200, "capacity": 1000},
        "steps": 500,
        "seeds": 2,
    }
    config["figures"]["pole"] = {"kind": "returns", "experiments": ["pole"]}
    config["experiments"]["additive"]["environment"] = {"name": "mountain-car", "max_steps": 500}  # for a notice
    config["figures"]["both"]["limits"] = [100, 300]
    config["videos"]["pole"] = {"seed": 1, "caption": "The pole."}
    sandbox.build(config)
    return sandbox.folder / "results" / "page"


@pytest.fixture
def page(browser: Browser, results: Path) -> Iterator[Page]:
    with opened(browser, results / "index.html", viewport={"width": 1280, "height": 900}) as page:
        yield page


def test_words_of_the_config_are_words(page: Page) -> None:
    assert page.title() == TITLE
    assert page.inner_text("h1") == TITLE
    assert page.locator("header p").all_inner_texts() == ["One </script> paragraph.", "Another."]
    assert page.locator("nav a").count() >= 5
    assert page.locator("section figure img").first.get_attribute("alt") == "Two codings."
    heads = [int(each[1]) for each in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName)")]
    assert all(later <= earlier + 1 for earlier, later in pairwise(heads))


def test_every_link_picture_and_video_is_there(page: Page, results: Path) -> None:
    links = page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))")
    assert len(links) > 30
    for link in links:
        if link.startswith("#"):
            assert page.locator(link).count() == 1, link
        else:
            assert (results / link.replace("%3D", "=").replace("%2C", ",")).exists(), link
            assert not Path(link).is_absolute()
    page.evaluate("document.querySelectorAll('img').forEach(img => img.loading = 'eager')")
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.wait_for_function("[...document.images].every(img => img.complete)")
    assert page.evaluate("[...document.images].every(img => img.naturalWidth > 0)")
    assert page.locator("video").count() == 4  # three of the deep agent, one of the linear one
    decodes = """video => new Promise(done => {
      video.addEventListener('canplay', () => done(video.videoWidth));
      video.querySelector('source').addEventListener('error', () => done(0));
      video.preload = 'auto';
      video.load();
    })"""
    assert all(video.evaluate(decodes) > 100 for video in page.locator("video").all())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate(CONTRAST) == []


def test_phone_needs_no_sideways_scroll(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def column(page: Page, table: str, number: int) -> list[str]:
    return page.locator(f"#{table} tbody tr td:nth-child({number + 1})").all_inner_texts()


def test_tables_sort_by_pointer_and_keyboard(page: Page) -> None:
    heads = page.locator("#table-final-scores th").all_inner_texts()
    number, name = heads.index("steps"), heads.index("experiment")
    page.locator("#table-final-scores th button").nth(number).click()
    values = list(map(float, column(page, "table-final-scores", number)))
    assert values == sorted(values)
    page.locator("#table-final-scores th button").nth(number).press("Enter")
    assert list(map(float, column(page, "table-final-scores", number))) == sorted(values, reverse=True)
    assert page.locator("#table-final-scores th").nth(number).get_attribute("aria-sort") == "descending"
    page.locator("#table-final-scores th button").nth(name).click()
    assert column(page, "table-final-scores", name) == sorted(column(page, "table-final-scores", name))


def test_long_tables_are_folded_and_cut_and_say_so(page: Page, tmp_path: Path) -> None:
    assert page.locator("#table-evaluation-scores details").get_attribute("open") is not None
    costs = page.locator("#costs details")
    assert costs.get_attribute("open") is None
    assert page.locator("nav a", has_text=re.compile("cost", re.IGNORECASE)).all_inner_texts() == ["Costs"]
    rows = costs.locator("tbody tr")
    costs.locator("summary").click()
    assert costs.locator("summary").inner_text() == f"{rows.count()} rows"

    def sheet(count: int) -> str:
        (tmp_path / "variants.csv").write_text("\n".join(["number", *map(str, range(count))]))
        plan: Any = SimpleNamespace(
            path=lambda _, table: str(tmp_path / f"{table}.csv"),
            targets=lambda: [str(tmp_path / "variants.csv")],
            config=SimpleNamespace(results=tmp_path),
        )
        (table,) = building.tables_of(plan)
        assert len(table["rows"]) == min(count, building.ROWS)
        template = building.environment().get_template("sheet.html")
        return str(template.module.sheet(table, building.FOLDED))  # type: ignore[attr-defined]

    assert "<details open>" in sheet(99).replace(' class="sheet screen"', "")
    assert "<summary>1000 rows</summary>" in sheet(1000)
    assert "1001 rows, the first 1000 shown here; sorting covers only these</summary>" in sheet(1001)


@pytest.mark.parametrize("scripts", [True, False])
def test_contents_are_folded_on_a_phone(browser: Browser, results: Path, scripts: bool) -> None:
    with browser.new_context(java_script_enabled=scripts, viewport={"width": 360, "height": 740}) as context:
        page = context.new_page()
        page.goto((results / "index.html").as_uri())
        links = page.locator("nav a")
        assert links.first.is_hidden()
        page.locator("nav summary").click()
        assert links.first.is_visible()
        page.set_viewport_size({"width": 1280, "height": 900})
        page.reload()
        assert links.first.is_visible()
        assert links.first.inner_text() == "Notices"


def test_curves_tell_seed_and_value(page: Page) -> None:
    chart = page.locator("#figure-pole .chart")
    svg, said = chart.locator("svg"), chart.locator(".said")
    assert chart.get_by_role("button").all_inner_texts() == ["pole", "mean", "0", "1", "all", "none"]
    lines = svg.locator("path").count()
    svg.hover(position={"x": 300, "y": 100})
    assert re.search(
        r"pole(, seed [01])?: (mean|evaluation|mean over seeds).* [\d.]+ at [\d,]+ steps\.", said.inner_text()
    )
    chart.get_by_role("button", name="0").click()
    assert svg.locator("path").count() == lines - 1  # the mean stays
    assert chart.get_by_role("button", name="0").get_attribute("aria-pressed") == "false"
    chart.get_by_role("button", name="pole").click()
    assert svg.locator("path").count() == 0
    chart.get_by_role("button", name="pole").click()
    chart.get_by_role("button", name="0").click()
    assert svg.locator("path").count() == lines


def test_arrow_keys_go_to_a_value_and_enter_to_its_video(page: Page) -> None:
    chart = page.locator("#figure-pole .chart")
    for other in ("mean", "0"):
        chart.get_by_role("button", name=other).click()  # seed 1, which has a video, is left
    svg = chart.locator("svg")
    svg.focus()
    svg.press("ArrowRight")
    svg.press("ArrowDown")  # from the returns to the evaluations
    said, offered = chart.locator(".said"), list[str]()
    while not offered or offered[-1] != said.inner_text():
        offered.append(said.inner_text())
        svg.press("ArrowRight")
    assert all("pole, seed 1: evaluation" in words for words in offered)
    assert [words.endswith("shows its video.") for words in offered] == [False] * (len(offered) - 1) + [True]
    svg.press("Enter")
    assert page.evaluate("document.activeElement.id") == "video-pole.default"
    page.wait_for_function("!document.getElementById('video-pole.default').querySelector('video').paused")


def test_video_is_offered_at_the_last_episode_where_there_are_no_evaluations(page: Page) -> None:
    chart = page.locator("#figure-one .chart")
    for other in ("mean", "0", "1"):
        chart.get_by_role("button", name=other, exact=True).click()
    svg, said = chart.locator("svg"), chart.locator(".said")
    svg.focus()
    words = []
    for _ in range(3):
        svg.press("ArrowRight")
        words.append(said.inner_text())
    assert ["at episode 3." in each for each in words] == [False, False, True]
    assert ["video" in each for each in words] == [False, False, True]
    assert svg.locator(".filmed").count() == 1


def test_first_tap_says_and_second_opens(browser: Browser, results: Path) -> None:
    with browser.new_context(has_touch=True, viewport={"width": 360, "height": 740}) as context:
        page = context.new_page()
        page.goto((results / "index.html").as_uri())
        chart = page.locator("#figure-one .chart")
        chart.scroll_into_view_if_needed()
        svg, said = chart.locator("svg"), chart.locator(".said")
        box: Any = svg.bounding_box()
        place: Any = svg.locator(".filmed").bounding_box()
        last: Any = {
            side: place[side] + place[size] / 2 - box[side] for side, size in (("x", "width"), ("y", "height"))
        }
        svg.tap(position={"x": 70, "y": 20})
        assert "at episode 1." in said.inner_text()
        svg.tap(position=last)
        assert said.inner_text().endswith("Another tap shows its video.")
        assert page.evaluate("document.activeElement.id") == ""
        svg.tap(position=last)
        assert page.evaluate("document.activeElement.id") == "video-tiled.default"


def test_of_many_seeds_only_filmed_ones_are_drawn_at_first_and_means_lie_over_them(page: Page) -> None:
    chart = page.locator("#figure-both .chart")
    means = "svg => [...svg.querySelectorAll('path:not(.band)')].map(path => path.classList.contains('mean'))"
    svg = chart.locator("svg")
    assert svg.evaluate(means) == [False] * 3 + [True] * 3
    assert chart.get_by_role("button", name="2", exact=True).get_attribute("aria-pressed") == "true"
    chart.get_by_role("button", name="all", exact=True).click()
    assert svg.evaluate(means) == [False] * 11 + [True] * 3
    chart.get_by_role("button", name="none", exact=True).click()
    assert svg.evaluate(means) == [True] * 3
    assert chart.get_by_role("button", name="mean").get_attribute("aria-pressed") == "true"


def test_limits_of_a_figure_are_the_axis_at_first(page: Page) -> None:
    chart = page.locator("#figure-both .chart")
    svg, button = chart.locator("svg"), chart.get_by_role("button", name="100 to 300")
    ticks = "svg => [...svg.querySelectorAll('.grid + text')].map(text => Number(text.textContent.replace(',', '')))"
    assert svg.evaluate(ticks) == [100, 150, 200, 250, 300]
    assert svg.locator("g[clip-path]").count() == 1
    button.click()
    assert max(svg.evaluate(ticks)) > 300
    assert svg.locator("g[clip-path]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_curves_can_be_seen(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    for button in page.get_by_role("button", name="all", exact=True).all():
        button.click()
    assert page.locator(".chart .line").count() >= 16
    assert page.evaluate(STROKES) == []


@pytest.mark.parametrize("ground", curves.CARDS.values())
def test_any_colour_becomes_one_that_can_be_seen(ground: str) -> None:
    def luminance(text: str) -> float:
        return curves.luminance(np.array([int(text[place : place + 2], 16) for place in (1, 3, 5)]) / 255)

    for colour in (*style.DISTINCT, *style.colours(list(map(str, range(20)))).values()):
        low, high = sorted(map(luminance, (curves.readable(colour, ground), ground)))
        assert (high + 0.05) / (low + 0.05) >= 3
    assert curves.readable((0.0, 0.0, 0.0), curves.CARDS["light"]) == "#000000"  # what can be seen stays as it is


def test_numbers_of_curves_are_those_of_the_figure(page: Page, results: Path) -> None:
    data = json.loads(page.locator("#data").text_content() or "")
    for name, x, kind in (("both", "episode", None), ("pole", "steps", "training")):
        numbers = pd.read_csv(results / "figures" / f"{name}.csv")
        numbers = numbers if kind is None else numbers[numbers["kind"] == kind]
        for curve in data[name][0]["curves"]:
            rows = numbers[numbers["curve"] == curve["name"]].set_index(x)["value"]
            assert curve["mean"]["x"]
            for place, value in zip(curve["mean"]["x"], curve["mean"]["y"], strict=True):
                assert value == pytest.approx(rows.loc[place], rel=1e-4)


def test_paper_is_light_and_holds_its_tables(page: Page) -> None:
    page.set_viewport_size({"width": 680, "height": 1000})  # A4, within its margins
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    shown = {name: page.locator(f"#{name} table").last for name in ("table-final-scores", "table-variants", "runs")}
    assert [table.is_visible() for table in shown.values()] == [True, False, False]
    assert page.locator("#costs table").first.is_visible()
    assert page.locator("#costs table").last.is_hidden()
    assert "see tables/variants.csv" in page.locator("#table-variants").inner_text()
    assert "see tables/cost.csv" in page.locator("#runs").inner_text()
    assert not any(each.is_visible() for each in page.get_by_text("Seeds and settings").all())
    for table in page.locator(".wide").all():
        assert table.evaluate("each => each.scrollWidth <= each.clientWidth"), table.get_attribute("aria-label")
    assert page.locator("th button").first.evaluate("head => getComputedStyle(head, '::after').content") == "none"


def test_paper_has_pictures_and_stills(page: Page) -> None:
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("video").first.is_visible()
    assert page.locator(".still").first.is_visible()
    assert all(picture.is_visible() for picture in page.locator(".picture").all())
    assert page.locator("#figure-pole .chart").is_hidden()


def test_picture_of_a_chart_is_shown_when_asked_for(page: Page) -> None:
    picture, button = page.locator("#figure-pole .picture"), page.get_by_role("button", name="Show the picture").last
    assert picture.is_hidden()
    button.click()
    assert picture.is_visible()
    assert button.get_attribute("aria-expanded") == "true"


def test_damaged_product_is_told_by_its_name(results: Path, sandbox: Sandbox) -> None:
    words = ("--cores", "1", "--configfile", "config/page.yaml")
    for name in ("figures/one.png", "tables/variants.csv"):
        whole = (results / name).read_bytes()
        (results / name).write_bytes(b"")
        text = sandbox.snakemake(*words, fails=True)
        (results / name).write_bytes(whole)
        assert f"{name} is damaged, or not what it should be" in text
        assert "bug" not in text
    sandbox.snakemake(*words)


def test_page_is_made_again_for_other_words_or_another_look_and_nothing_else_is(
    results: Path, sandbox: Sandbox, edit: Any
) -> None:
    config = yaml.safe_load((results.parents[1] / "config" / "page.yaml").read_text())
    assert sandbox.planned(config) == set()
    edit("workflow/rlgames/pages/page.css", "margin: 0;", "margin: 1px;")
    assert sandbox.planned(config) == {"index.html", "checksums.txt"}
    assert sandbox.planned(config | {"title": "Another"}) == {"config.yaml", "index.html", "checksums.txt"}
