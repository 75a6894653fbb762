#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of `ropewalk serve` as a person uses it, in headless Chromium: with the mouse, with the keyboard alone, in the dark,
on a narrow screen. Exit code 77, which CTest takes as skipped, where there is no Chromium (tools/check_report.py).

Usage: page_test.py URL | page_test.py --ropewalk BINARY --model MODEL      [--shots FOLDER] [--axe axe.min.js]
--shots keeps screenshots, to be looked at. --axe: axe-core (MPL-2.0, not part of this repository) looks too."""
import argparse
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import urllib.request

import accessibility
from browser import Browser, chromium

failed = []
IDLE = "document.getElementById('ask').getAttribute('aria-disabled') === 'false'"
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def check(holds, what):
    if not holds:
        failed.append(what)
        print("FAILED:", what)


class Test:
    def __init__(self, browser, url, folder, options):
        self.b, self.url, self.folder, self.options = browser, url.rstrip("/") + "/", folder, options
        with urllib.request.urlopen(self.url + "props", timeout=30) as answer:
            self.props = json.load(answer)
        # Past the trained length, where that is not too long to read in a test.
        n = 2 * self.props["n_ctx_train"] if self.props["n_ctx_train"] <= 2048 else 3000
        novel = (ROOT / "data/persuasion.txt").read_text()
        self.document = folder / "novel.txt"
        self.document.write_text(novel[2000 : 2000 + 4 * n])

    def text(self, selector):
        return self.b.run(f"document.querySelector({selector!r})?.innerText ?? ''")

    def says(self, selector, words, timeout=30):
        """Whether it comes to say so."""
        return self.b.wait(f"document.querySelector({selector!r})?.innerText.includes({words!r})", timeout)

    def count(self, selector):
        return self.b.run(f"document.querySelectorAll({selector!r}).length")

    def look(self, name):
        """Where something new is shown: can everybody read it? Narrow and dark too."""
        for scheme in ("light", "dark"):
            self.b.media(prefers_color_scheme=scheme)
            for width in (1200, 320):
                self.b.size(width)
                where = f"{name}, {scheme}, {width} px"
                wide = self.b.run("document.documentElement.scrollWidth")
                check(wide <= width, f"{where}: {wide} px wide")
                for trouble in accessibility.troubles(self.b):
                    check(False, f"{where}: {trouble}")
                if self.options.axe:
                    for trouble in accessibility.axe(self.b, self.options.axe):
                        check(False, f"{where}: axe: {trouble}")
                if self.options.shots:
                    self.b.shot(self.options.shots / f"{name}-{scheme}-{width}.png")
        self.b.media(prefers_color_scheme="light")
        self.b.size(1200)

    def open(self):
        self.b.open(self.url)
        check(self.says("#model-line", self.props["model"]), f"it says the model: {self.text('#trouble')}")
        # Short, so that a small machine is done soon.
        self.b.set("#max-tokens", 24)

    def other_files(self):
        (self.folder / "a.pdf").write_bytes(b"%PDF-1.4\n...")
        (self.folder / "zeros.txt").write_bytes(bytes(100))
        (self.folder / "page.html").write_text(
            "<title>t</title><style>p{}</style><script>window.ran=1</script><p>One &amp; two</p>"
            "<p>three<img src='/got' onerror='window.ran=2'></p>")
        (self.folder / "old.txt").write_bytes("Caf\xe9".encode("latin-1"))
        for name, words in (("a.pdf", "generate -f"), ("zeros.txt", "no text")):
            self.b.choose_file("#file", self.folder / name)
            check(self.says("#document-error", words), f"{name}: {words}")
        for name, first in (("page.html", "One & two three"), ("old.txt", "Caf\xe9")):
            self.b.choose_file("#file", self.folder / name)
            check(self.says("#first-words", first), f"{name}: {self.text('#first-words')}")
            self.b.click("#leave")
        check(self.b.run("window.ran === undefined"), "nothing of an HTML document runs")
        policy = [trouble for trouble in self.b.troubles if "violates the following Content Security Policy" in trouble]
        check(len(policy) == len(self.b.troubles), f"only the policy speaks, of what stands in the HTML: {self.b.troubles}")
        self.b.troubles.clear()
        check(not any(url.endswith("/got") for url in self.b.requests), "nothing of an HTML document is fetched")

    def drop(self):
        self.b.drop("#drop", self.document)
        check(self.says("#length", "tokens", 60), f"the length of the document: {self.text('#document-error')}")
        check(self.b.wait("document.querySelector('#choice .lead')", 30), "what auto takes")
        words, trained = self.text("#length"), f"{self.props['n_ctx_train']:,}"
        check("tokens" in words and trained in words, f"the length beside the trained one: {words}")
        check("auto takes" in self.text("#choice"), f"the choice: {self.text('#choice')}")
        self.look("document")

    def put(self, question, field="question"):
        self.b.run(f"document.getElementById('{field}').focus()")
        self.b.type(question)
        self.b.press("Enter")

    def ask(self, question, turns):
        self.put(question)
        check(self.b.wait(f"document.querySelectorAll('.turn').length === {turns}", 10), f"{question}: it is shown")
        check(self.b.wait(IDLE), f"{question}: it ends")
        said, facts = self.text(f".turn:nth-child({turns}) .said"), self.text(f".turn:nth-child({turns}) .facts")
        check(said.strip(), f"{question}: an answer: {self.text('.turn:last-child .error')}")
        check("tokens" in facts and "wrote" in facts and "a second" in facts, f"{question}: its facts: {facts}")
        return facts

    def conversation(self):
        self.b.set("#method-select", "rerope")  # it is the same at every length, so that what was read can be kept
        self.ask("Who is the heroine?", 1)
        spoken = self.text("#spoken")
        check("End of the answer" in spoken, f"it is said to a screen reader: {spoken}")
        check("from the cache" in self.ask("And who else is there?", 2), "what was read is not read again")
        check(self.count("#history .open") == 1, "one conversation is kept")
        self.b.set("#method-select", "auto")

    def stop(self):
        self.b.set("#max-tokens", 2000)
        self.put("What happens then? Tell a long story.")
        check(self.b.wait("!document.querySelector('.stop').hidden", 10), "a button to stop")
        self.b.press("Escape")
        check(self.b.wait(IDLE, 20), "it stops")
        back = self.b.run("document.getElementById('question').value")
        stopped = "stopped" in self.text(".turn:last-child .facts")
        check(back or stopped, "stopped: the question is back, or what was written stays")
        check(not self.text(".turn:last-child .error"), "to stop is no error")
        self.b.set("#question", "")
        self.b.set("#max-tokens", 24)

    def evidence(self):
        self.b.click("#check")
        check(self.b.wait("document.querySelector('#evidence progress')", 10), "progress of the check")
        check(self.b.wait("!document.querySelector('#evidence progress')", 200), "the check ends")
        check("key" in self.text("#evidence .line"), f"the line: {self.text('#evidence')}")
        check(not self.text("#evidence caption").startswith("auto"), "of the method that will answer")
        check(self.count("#evidence tbody tr") == 2, f"the evidence: {self.text('#evidence')}")
        self.look("conversation")

    def instead(self, path, *events):
        """The next stream asked of a path is this one, or the server's; `window.asked` is what it was asked with."""
        data = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
        self.b.run(f"""(fetched => {{ window.fetch = (path, options) => {{
          if (path !== {path!r}) return fetched(path, options);
          window.fetch = fetched, window.asked = JSON.parse(options.body);
          return {json.dumps(data)} ? Promise.resolve(new Response({json.dumps(data)})) : fetched(path, options);
        }} }})(window.fetch)""")

    def too_short(self):
        """A check that cannot tell offers a longer one, which asks for more time; the longest offers none."""
        def result(n, missed, p):
            keys = {"found": n, "of": n, "low": 0.2, "high": 1}
            other = {"told": 2048, "keys": {**keys, "found": n - missed}, "p": p, "can_tell": missed > 4, "loss": 3.2}
            known = {"length": 12345, "keys": keys, "tail": 128, "loss": 3.1, "truncation": other, "seconds": 0.4}
            return {"line": "finds", "check": known}
        self.instead("check", {"progress": 0.5}, result(1, 0, 1))
        self.b.click("#check")
        check(self.says("#evidence .line", "Too few keys"), f"too short: {self.text('#evidence')}")
        asked, caption = self.b.run("window.asked"), self.text("#evidence caption")
        check(asked["seconds"] == 120 and asked["method"] != "auto", f"two minutes, what auto stands for: {asked['method']}")
        check("12,345 tokens, checked in less" in caption, caption)
        self.look("too-short")
        for n, missed, seconds, words in ((9, 2, 300, "longer: 10 minutes"), (10, 4, 600, "10 keys are the most")):
            self.instead("check", result(n, missed, 0.0625))
            self.b.run("(button => { button.focus(); button.click() })(document.querySelector('#evidence button.check'))")
            check(self.says("#evidence", words), f"{seconds} s: {self.text('#evidence')}")
            got = self.b.run("[window.asked.seconds, document.activeElement.id]")
            check(got == [seconds, "check"], f"the time that is asked for, and the focus is not lost: {got}")
        for missed, words in ((4, "10 keys are the most"), (6, "16 of 1,000 checks")):
            self.instead("check", result(10, missed, 0.0156))
            self.b.click("#check")
            said = self.says("#evidence .line", words)
            check(said and not self.count("#evidence button"), f"{missed} missed, nothing longer: {self.text('#evidence')}")

    def no_word(self):
        """An answer that ends at once is no fault of the page: it says so, and what can be done."""
        chat, turns = bool(self.props["chat_template"]), self.count(".turn")
        end = {"choices": [{"delta": {}, "finish_reason": "stop"}], "method": "none"} if chat else {
            "content": "", "stop": True, "stop_type": "eos", "method": "none", "timings": {"prompt_n": 9, "predicted_n": 1}}
        self.instead("v1/chat/completions" if chat else "completion", end)
        self.put("Why?")
        check(self.says(".turn:last-child .empty", "without a word"), f"no word: {self.text('.turn:last-child')}")
        check("without a word" in self.text("#spoken"), "a screen reader hears it")
        self.look("no-word")
        self.b.click(".turn:last-child .under button:last-child")
        there = self.b.run("[document.activeElement.id, document.getElementById('question').value]")
        check(there == ["method-select", "Why?"], f"to another method, with the question: {there}")
        self.b.set("#question", ""), self.instead("v1/chat/completions" if chat else "completion")
        self.ask("And now?", turns + 2)
        check("Why?" not in self.b.run("JSON.stringify(window.asked)"), "what got no answer is not sent again")

    def check_and_leave(self):
        """A check of a document that is gone says nothing of the next."""
        self.b.click("#check")
        check(self.b.wait("document.querySelector('#evidence progress')", 10), "progress of a second check")
        self.b.click("#leave")
        self.b.drop("#drop", self.document)
        check(self.says("#choice", "auto takes", 60), "another document")
        idle = IDLE.replace("'ask'", "'check'")
        check(self.b.wait(idle, 60), "the check has ended")
        check(self.text("#evidence") == "", f"no evidence of what is gone: {self.text('#evidence')}")
        check(self.count("#history .open") == 1, "nothing is kept of a conversation without a question")

    def after_reload(self):
        self.open()
        check(self.count(".turn") == 0 and self.count("#history .open") == 1, "kept over a reload")
        self.b.click("#history .open")
        check(self.b.wait("document.querySelectorAll('.turn').length >= 2", 10), "it opens")
        check(self.b.wait("document.querySelector('#length strong')", 60), "with its document")
        check(self.text("#document-name") == "novel.txt", "of its name")
        self.ask("Is that all?", self.count(".turn") + 1)
        self.b.click("#history .quiet")
        check(self.count("#history .open") == 0 and self.count(".turn") == 0, "it is deleted")
        check(self.b.run("document.activeElement.id") == "begin", "the focus is not lost with it")

    def compare(self):
        self.b.click("#tab-compare")
        check(self.b.run("document.getElementById('panel-ask').hidden"), "one panel at a time")
        self.put("Who is the heroine?", "compare-question")
        check(self.b.wait("document.querySelectorAll('.half').length === 2", 10), "two halves")
        check(self.b.wait(IDLE, 300), "the comparison ends")
        for half in (".half:nth-child(1)", ".half:nth-child(2)"):
            check(self.text(f"{half} .said").strip(), f"an answer: {self.text(half)}")
            check("over its last" in self.text(f"{half} .loss"), f"a loss: {self.text(half)}")
        check("Loss of the document" in self.text("#compared .lead"), "both losses in one line")
        left, right = (self.b.run(f"document.querySelectorAll('.half')[{i}].getBoundingClientRect().x") for i in (0, 1))
        check(left < right, "side by side")
        self.look("compare")
        self.b.size(320)
        left, right = (self.b.run(f"document.querySelectorAll('.half')[{i}].getBoundingClientRect().x") for i in (0, 1))
        check(left == right, "one above the other where it is narrow")
        self.b.size(1200)
        self.b.click("#tab-ask")

    def refused(self):
        """What the server refuses is shown in its words."""
        self.b.set("#method-select", "")
        self.b.set("#method-typed", "no-such-method")
        check(self.says("#choice .error", "no-such-method"), f"a wrong method: {self.text('#choice')}")
        self.put("Well?")
        check(self.b.wait("document.querySelector('.turn .error:not([hidden])')", 20), "the answer's error")
        check("no-such-method" in self.text(".turn .error"), f"in the server's words: {self.text('.turn .error')}")
        rest = self.b.run("document.querySelector('.turn .error details').textContent")
        check(len(self.text(".turn .error")) < 160 and "streaming-llm" in rest, f"no wall of text, but the rest: {rest}")
        check(self.b.run("document.getElementById('question').value") == "Well?", "the question is not lost")
        self.look("refused")
        self.b.set("#method-select", "auto")

    def no_number(self):
        """Most tokens of an answer, left empty: what stood there at first holds, in what is said and what is asked."""
        self.open()
        usual = max(16, min(512, self.props["n_ctx_train"] // 4))
        self.b.drop("#drop", self.document)
        self.b.set("#max-tokens", "")
        check(self.says("#choice", f"up to {usual} of an answer", 60), f"an empty number: {self.text('#choice')}")

    def words(self):
        """Sentences of the server, as the page has them."""
        got = self.b.run("""(async () => {
          const {commas, errorWords, reasonOf} = await import('./words.js'), {say} = await import('./parts.js');
          const shown = document.createElement('p');
          shown.append(...say('yarn:factor=4096,trained=8192 <b>of</b> 12288 tokens'));
          return {commas: commas('9907 tokens of 1234567, in 1998, 1998 tokens, port :8080, window=2048, 0.12345, v2048'),
            html: shown.innerHTML, wide: reasonOf('x: 12288 tokens, trained on 8192, nothing tuned (ropewalk tune)'),
            other: reasonOf('y: something new of 12288'), none: reasonOf(null), long: errorWords({message: 'x '.repeat(999)}),
            error: errorWords({message: "a: expected b; found c: expected d 2048; found 'e'; hint: did you mean f? g; hint: h"})};
        })()""")
        check(got["commas"] == "9,907 tokens of 1,234,567, in 1998, 1,998 tokens, port :8080, window=2048, 0.12345, v2048", got)
        check(all(part in got["html"] for part in ("&lt;b&gt;", "factor=4096,</span><wbr>", "12,288")), got["html"])
        check("A guess" in got["wide"] and "8,192" in got["wide"], got["wide"])
        check(got["other"] == "Something new of 12,288" and got["none"] == "", got["other"])
        first = "c: expected d 2,048; found 'e'. Did you mean f?"
        check(got["error"] == {"first": first, "rest": ["a: expected b", "did you mean f? g", "h"]}, got["error"])
        check(len(got["long"]["first"]) < 400 < 1900 < len(got["long"]["rest"][0]), "a long error is cut")
        order = self.b.run("[...document.getElementById('method-select').options].map(one => one.value)")
        check(order[:3] == ["auto", "none", "rerope"] and len(set(order)) == len(self.props["methods"]) + 2, f"{order}")

    def history_full(self):
        """A document that is too long for the history, a storage that is full, and junk in it."""
        keep = """(async () => {
          const {keep, kept, load, remove} = await import('./local.js');
          const one = (id, text) => ({id, title: id, when: Date.now(), model: '', turns: [{question: 'q', answer: 'a'}],
            document: {name: id, text, first: text.slice(0, 9), chars: text.length, tokens: 1}});
          const long = keep(one('long', 'x'.repeat(400000))), longText = load('long').document.text;
          localStorage.setItem('ropewalk/conversation/junk', '{"id":1}');
          for (const [id, change] of [['no date', {when: 8.7e15}], ['no size', {document: {name: 'a', first: '', text: 'a'}}]])
            localStorage.setItem(`ropewalk/conversation/${id}`, JSON.stringify({...one(id, 'a'), ...change}));
          const before = keep(one('old', 'y'.repeat(3000)));
          let size = 4 << 20;
          for (let i = 0; size > 100; ++i) try { localStorage.setItem('junk' + i, 'j'.repeat(size)) } catch { size >>= 1 }
          const full = keep(one('new', 'z'.repeat(1000))), there = kept().map(c => [c.id, c.document.text?.length ?? 0]);
          localStorage.clear();
          return {long, longText, before, full, there};
        })()"""
        got = self.b.run(keep)
        check("too long" in got["long"] and got["longText"] is None, f"a long document: {got}")
        check(got["before"] == "", "a short one is kept whole")
        there = dict(got["there"])
        check(there.get("new") == 1000 and there.get("old", 0) == 0, f"room is made in the oldest: {got}")
        check(not {"junk", "no date", "no size"} & set(there), f"what is no conversation is left out: {there}")

    def colours(self):
        ground = "getComputedStyle(document.body).backgroundColor"
        light = self.b.run(ground)
        self.b.click("#colours")
        dark = self.b.run(ground)
        check(light != dark and "Light" in self.text("#colours"), f"the switch: {light}, {dark}")
        self.open()
        check(self.b.run(ground) == dark, "the colours stay")
        self.b.media(prefers_color_scheme="dark")
        self.b.click("#colours")
        check(self.b.run(ground) == light, "light where the system is dark")
        self.b.media(prefers_color_scheme="light")
        self.b.click("#colours"), self.b.click("#colours")
        self.b.media(prefers_reduced_motion="reduce")
        self.b.drop("#drop", self.document)
        self.b.wait("document.querySelector('.bar > *')", 60)
        moves = self.b.run("[...document.querySelectorAll('*')].map(e => getComputedStyle(e)).filter(style => "
                           "parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none').length")
        check(moves == 0, f"{moves} things move where that is not wanted")
        self.b.media()

    def keyboard(self):
        self.open()
        accessibility.by_keyboard(self, check, IDLE)

    def headers(self):
        with urllib.request.urlopen(self.url, timeout=30) as answer:
            policy = answer.headers.get("Content-Security-Policy") or ""
        check("script-src 'self'" in policy and "unsafe" not in policy, f"content policy: {policy}")
        check(all(url.startswith((self.url, "data:", "about:")) for url in self.b.requests), "no other host is asked")
        for trouble in self.b.troubles:
            check(False, f"the browser says: {trouble}")

    def all(self):
        steps = (self.open, self.other_files, self.drop, self.conversation, self.stop, self.evidence, self.too_short,
                 self.no_word, self.check_and_leave, self.after_reload, self.compare, self.refused, self.no_number, self.words,
                 self.history_full, self.colours, self.keyboard, self.headers)
        for step in steps:
            step()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?")
    parser.add_argument("--ropewalk")
    parser.add_argument("--model")
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("--axe", type=pathlib.Path)
    options = parser.parse_args()
    if not chromium():
        print("skipped: no chromium (apt-get install chromium-headless-shell, 64 MB)")
        return 77
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    server, url = None, options.url
    if not url:
        command = [options.ropewalk, "serve", options.model, "--port", "0", "--json"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        url = json.loads(server.stdout.readline())["url"]
    browser = Browser()
    try:
        with tempfile.TemporaryDirectory() as folder:
            Test(browser, url, pathlib.Path(folder), options).all()
    finally:
        browser.close()
        if server:
            server.send_signal(signal.SIGINT)
            server.wait(60)
    if failed:
        print(f"{len(failed)} failed")
        return 1
    print("the page works: dropped, asked, stopped, checked, compared, kept; dark, narrow, by keyboard")
    return 0


if __name__ == "__main__":
    sys.exit(main())
