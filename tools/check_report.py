#!/usr/bin/env python3
"""Opens a report in headless Chromium: do the charts draw, does the page fit, is nothing fetched?

Usage: tools/check_report.py PAGE.html [--shots FOLDER]. --shots keeps the screenshots (1200 and 400 px) and the
PDF, to be looked at. Exit code 77, which CTest takes as skipped, where there is no Chromium: in Debian 12 the
package chromium-headless-shell, 64 MB."""
import argparse
import html.parser
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

VOID = {"meta", "wbr", "br"}
COLOURS = [(0, 0, 0), (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)]  # of the first three methods (src/report/chart.cpp)


class Page(html.parser.HTMLParser):
    """Fails at a tag that is not closed in order, or that fetches or runs something."""

    def __init__(self):
        super().__init__()
        self.open, self.count = [], {}

    def handle_starttag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        assert tag not in ("script", "link", "img", "iframe", "object", "image"), f"<{tag}>"
        for name, _ in attributes:
            assert name not in ("src", "href", "xlink:href") and not name.startswith("on"), f"{tag} {name}"
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


def pixels(path):
    """Rows of (r, g, b) bytes of an 8-bit PNG without interlacing, as Chromium writes them."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IHDR":
            width, height, _, colour = struct.unpack(">IIBB", data[at + 8 : at + 18])
        if kind == b"IDAT":
            packed += data[at + 8 : at + 8 + size]
        at += 12 + size
    n = {2: 3, 6: 4}[colour]
    raw, stride, before = zlib.decompress(packed), width * n, bytearray(width * n)
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            left, up, corner = (row[i - n], before[i], before[i - n]) if i >= n else (0, before[i], 0)
            near = min((left, up, corner), key=lambda v: abs(left + up - corner - v))
            row[i] = (row[i] + (0, left, up, (left + up) // 2, near)[kind]) & 255
        yield [bytes(row[i : i + 3]) for i in range(0, stride, n)]
        before = row


def run(browser, *options):
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options]
    return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout.decode(errors="replace")


def check_cue(browser, style, folder):
    """A table that goes on to the right is shaded there; one that fits, or is scrolled to its end, is not."""
    box = "<div class='scroll' {} style='margin:0;height:50px'><table style='width:{}px'><tr><td>x</td></tr></table></div>"
    boxes = [box.format("", 900), box.format("", 100), box.format("dir='rtl'", 900)]  # rtl begins at the right end
    html = folder / "cue.html"
    html.write_text(f"<!doctype html>{style}<body style='margin:0;padding:0'>{''.join(boxes)}</body>")
    run(browser, "--window-size=400,150", f"--screenshot={folder}/cue.png", html.as_uri())
    ends = [sum(row[398]) for y, row in enumerate(pixels(folder / "cue.png")) if y % 50 == 45]
    assert ends[0] < 600 and ends[1:] == [765, 765], f"brightness at the right of tables: {ends}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--shots", type=pathlib.Path)
    options = parser.parse_args()
    source = options.page.read_text()
    page = Page()
    page.feed(source)
    assert not page.open, page.open
    assert not re.search(r"https?:|url\(|@import", re.sub(r"<td[^>]*>[^<]*|<code>[^<]*", "", source))
    browser = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
    if not browser:
        print("skipped: no chromium (apt-get install chromium-headless-shell, 64 MB)")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        shots = options.shots or pathlib.Path(folder)
        shots.mkdir(parents=True, exist_ok=True)
        check_cue(browser, re.search(r"<style>.*?</style>", source, re.S)[0], pathlib.Path(folder))
        address = options.page.resolve().as_uri()
        dom = run(browser, "--dump-dom", address)
        svgs = re.findall(r"<svg.*?</svg>", dom, re.S)
        assert len(svgs) == page.count.get("svg", 0), "charts were lost in parsing"
        charts = [s for s in svgs if "aria-label" in s]
        for chart in charts:
            drawn = len(re.findall(r"<(?:path|circle|line)\b", chart))
            assert drawn >= 8, f"a chart draws {drawn} shapes only"
        for width in (1200, 400):
            run(browser, f"--window-size={width},1600", f"--screenshot={shots}/{width}.png", address)
            seen, rows = {}, 0
            for row in pixels(shots / f"{width}.png"):
                rows += 1
                for colour in row:
                    seen[colour] = seen.get(colour, 0) + 1
            if charts:
                legend = re.search(r"<ul class=.legend.>.*?</ul>", dom, re.S)
                for colour in COLOURS[: legend[0].count("<li>")]:
                    assert seen.get(bytes(colour), 0) > 20, f"{width} px: no line of colour {colour}"
            assert rows == 1600
        run(browser, "--no-pdf-header-footer", f"--print-to-pdf={shots}/print.pdf", address)
        assert (shots / "print.pdf").stat().st_size > 10000
    print(f"{len(charts)} charts draw, {page.count.get('table', 0)} tables; prints; nothing is fetched")
    return 0


if __name__ == "__main__":
    sys.exit(main())
