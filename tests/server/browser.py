# SPDX-License-Identifier: Apache-2.0
"""A page in headless Chromium, driven through the Chrome DevTools protocol over two pipes: no port, no package."""
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

KEYS = {"Enter": (13, "\r"), "Tab": (9, ""), "Escape": (27, ""), "ArrowRight": (39, ""), "ArrowLeft": (37, ""), " ": (32, " ")}


def chromium():
    """Where it is, or None."""
    return next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)


class Browser:
    """One page. `troubles`: what its console, the content policy or an exception said."""

    def __init__(self, width=1200, height=900):
        self.profile = tempfile.TemporaryDirectory()
        (to_read, self.to), (self.of, to_write) = os.pipe(), os.pipe()
        # The browser reads from descriptor 3 and writes to 4: first out of the way, should they be these.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_read, to_write)]

        def connect():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
             f"--user-data-dir={self.profile.name}", "about:blank"],
            pass_fds=(3, 4), preexec_fn=connect, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (to_read, to_write, *ends):
            os.close(end)
        self.buffer, self.number, self.session, self.troubles, self.requests = b"", 0, None, [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.send(f"{domain}.enable")
        self.size(width, height)

    def close(self):
        os.close(self.to)
        os.close(self.of)
        self.process.terminate()
        self.process.wait(30)
        for _ in range(20):  # its helpers may still write for a moment
            try:
                return self.profile.cleanup()
            except OSError:
                time.sleep(0.1)

    def _message(self, timeout):
        end = time.monotonic() + timeout
        while b"\0" not in self.buffer:
            if not select.select([self.of], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self.of, 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            self.buffer += part
        one, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(one)

    def send(self, method, timeout=300, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            got = self._message(timeout)
            if got.get("id") == self.number:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            self._event(got.get("method"), got.get("params", {}))

    def _event(self, method, said):
        if method == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.troubles.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning"):
            self.troubles.append(str([one.get("value") for one in said["args"]]))
        # A refused request is written to the log as well: tests ask for some on purpose.
        elif method == "Log.entryAdded" and said["entry"]["level"] == "error" and said["entry"]["source"] != "network":
            self.troubles.append(said["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])

    def run(self, script, timeout=300):
        """The value of an expression (JSON), or of what it promises."""
        got = self.send("Runtime.evaluate", timeout, expression=script, returnByValue=True, awaitPromise=True, userGesture=True)
        if "exceptionDetails" in got:
            raise RuntimeError(f"{script[:200]}: {got['exceptionDetails'].get('exception', {}).get('description')}")
        return got["result"].get("value")

    def wait(self, script, timeout=120):
        """Whether the expression becomes true in time."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.run(f"Boolean({script})"):
                return True
            time.sleep(0.03)
        return False

    def open(self, url):
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def size(self, width, height=900):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, **features):
        """prefers_color_scheme="dark" ..."""
        said = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.send("Emulation.setEmulatedMedia", features=said)

    def press(self, key, shift=False):
        code, text = KEYS[key]
        what = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        self.send("Input.dispatchKeyEvent", type="keyDown", **what, **({"text": text} if text else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **what)

    def type(self, text):
        self.send("Input.insertText", text=text)

    def set(self, selector, value):
        """The value of a field, as if it had been changed by hand."""
        self.run(f"(field => {{ field.value = {json.dumps(value)}; field.dispatchEvent(new Event('change')) }})"
                 f"(document.querySelector({selector!r}))")

    def click(self, selector):
        self.run(f"document.querySelector({selector!r}).click()")

    def drop(self, selector, path):
        """A file, dropped from outside on the middle of an element."""
        self.run(f"document.querySelector({selector!r}).scrollIntoView({{block: 'nearest'}})")
        x, y = self.run(f"(box => [box.x + box.width / 2, box.y + box.height / 2])"
                        f"(document.querySelector({selector!r}).getBoundingClientRect())")
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.send("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def choose_file(self, selector, path):
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def shot(self, path):
        """The whole page, not only what is in sight."""
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))
