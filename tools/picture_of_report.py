#!/usr/bin/env python3
"""The first chart of a section of a report, with its legend, as a picture.

    tools/picture_of_report.py REPORT.html PICTURE.png [SECTION]

SECTION is its id in the page: loss (default), holds-and-finds."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

report, picture = sys.argv[1:3]
name = sys.argv[3] if len(sys.argv) > 3 else "loss"
page = pathlib.Path(report).read_text()
style = re.search(r"<style>.*?</style>", page, re.S)
section = re.search(rf"<section id='{re.escape(name)}'>(.*?)</section>", page, re.S)
if not style or not section:
    sys.exit(f"picture_of_report: {report}: expected a page with a section '{name}'; found none; hint: ropewalk eval --tasks tail passkey --report")
chart = re.search(r"<div class='chart'>.*?</ul>", section[1], re.S)
body = chart[0] if chart else section[1]
browser = next((shutil.which(name) for name in ("chromium-headless-shell", "chromium", "google-chrome") if shutil.which(name)), None)
if not browser:
    sys.exit("picture_of_report: expected chromium; found none; hint: apt install chromium-headless-shell")
box = re.search(r"viewBox='0 [-0-9.]+ 640 ([0-9.]+)'", body)  # in 52em; the legend stands below it
height = int(float(box[1]) * 1.3) + 82 if box else 570
with tempfile.TemporaryDirectory() as folder:
    html = pathlib.Path(folder) / "chart.html"
    html.write_text(f"<!doctype html><meta charset='utf-8'>{style[0]}<style>body{{margin:1em auto;max-width:56em}}</style>{body}")
    subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size=900,{height}",
                    f"--screenshot={pathlib.Path(picture).resolve()}", html.as_uri()], check=True, capture_output=True)
