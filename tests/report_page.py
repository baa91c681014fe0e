"""What a finished study's report.html must do in a browser."""

import re

from browser import Browser

# What Snakemake's page says of its own libraries.
LIBRARIES = re.compile(r"cdn\.tailwindcss\.com|Vega-Lite v\d")
# Number of colours; an empty chart has few.
COLOURS = """
    chart => new Set(new Uint32Array(
        chart.getContext("2d").getImageData(0, 0, chart.width, chart.height).data.buffer
    )).size
"""
TABLES = "[...document.querySelectorAll('table.sortable')]"


def link(name):
    """JavaScript for the menu's link of this name; other links have a symbol and no text."""
    links = "[...document.querySelectorAll('a')]"
    return f"{links}.find(e => e.textContent.trim() === {name!r})"


def check_report(report, profile):
    """Charts are drawn, the first page opens with table and pictures and sorts; no error is said.

    Parameters
    ----------
    report : Path
        The page.
    profile : Path
        Folder for the browser.
    """
    with Browser(profile, size=(1300, 900)) as browser:
        browser.open(report.as_uri(), link("Statistics"))
        browser.run(f"{link('Statistics')}.click()")
        browser.wait("document.querySelectorAll('canvas').length === 2")
        for chart in (0, 1):
            browser.wait(f"({COLOURS})(document.querySelectorAll('canvas')[{chart}]) > 10")
        browser.run(f"{link('First page')}.click()")
        browser.wait("document.querySelector('td a')")
        browser.run("document.querySelector('td a').click()")
        check_first_page(browser)
        assert [said for said in browser.complaints if not LIBRARIES.search(said)] == []


def check_first_page(browser):
    """Check the page inside the report."""
    browser.wait("document.querySelector('.dot')", inside=True)
    browser.wait("[...document.images].every(i => i.complete)", inside=True)
    widths = browser.run("[...document.images].map(i => i.naturalWidth)", inside=True)
    assert len(widths) == 3 and min(widths) > 200
    assert browser.run(f"{TABLES}[0].tBodies[0].rows.length", inside=True) > 6
    assert browser.run("document.querySelectorAll('.distrust li').length", inside=True) > 1
    column = f"[...{TABLES}[0].tBodies[0].rows].map(row => parseFloat(row.cells[1].textContent))"
    for turned in (False, True):
        browser.run(f"{TABLES}[0].tHead.rows[0].cells[1].firstChild.click()", inside=True)
        values = browser.run(column, inside=True)
        assert len(set(values)) > 3 and values == sorted(values, reverse=turned)
