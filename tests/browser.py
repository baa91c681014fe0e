"""A headless Chromium that tests drive through its debugging pipe, without a library."""

import base64
import io
import json
import os
import shutil
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new --no-sandbox --disable-dev-shm-usage --hide-scrollbars --no-first-run "
    "--disable-extensions --disable-background-networking --remote-debugging-pipe "
    "--force-device-scale-factor=1"
)
SOFTWARE_WEBGL = "--use-angle=swiftshader --enable-unsafe-swiftshader"
NO_WEBGL = "--disable-gpu --disable-3d-apis"
PATIENCE_S = 90


def chromium() -> str:
    """Return the program; skips the test where there is none."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip(f"no Chromium on this machine (none of {', '.join(NAMES)})")
    return found


class Browser:
    """One page of a browser.

    ``complaints`` gathers what the page writes to the console and its uncaught errors.
    """

    def __init__(self, folder, flags=SOFTWARE_WEBGL, size=(1000, 700)):
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        command = f"exec {chromium()} {FLAGS} {flags} --window-size={size[0]},{size[1]}"
        command += f" --user-data-dir={folder} about:blank 3<&{to_read} 4>&{to_write}"
        self.process = subprocess.Popen(
            ["bash", "-c", command], pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._left, self._number, self._session, self.complaints = b"", 0, None, []
        self._context = ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.ask("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
        for domain in ("Runtime", "Log", "Page"):
            self.ask(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._out)
        os.close(self._in)

    def ask(self, method, **params):
        """Send a command of the DevTools protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _next(self):
        while b"\0" not in self._left:
            part = os.read(self._in, 2**20)
            assert part, "the browser has ended"
            self._left += part
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        params = event.get("params", {})
        if event.get("method") == "Runtime.consoleAPICalled":
            self.complaints += [str(arg.get("value", arg)) for arg in params["args"]]
        elif event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif event.get("method") == "Runtime.executionContextCreated":
            self._context = params["context"]["uniqueId"]
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] != "verbose":
            self.complaints.append(params["entry"]["text"])

    def run(self, expression, inside=False):
        """Evaluate JavaScript in the page, or in the newest page inside it; return the value."""
        place = {"uniqueContextId": self._context} if inside else {}
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True,
                          awaitPromise=True, **place)  # fmt: skip
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def open(self, address, until):
        """Open an address and wait until an expression is true."""
        self.ask("Page.navigate", url=address)
        self.wait(until)

    def wait(self, until, inside=False):
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self._holds(until, inside):
            assert time.monotonic() < end, (until, self.complaints)
            time.sleep(0.05)

    def _holds(self, expression, inside):
        try:
            return self.run(f"Boolean({expression})", inside)
        except AssertionError:
            if not inside:
                raise
            return False  # the page inside has just been replaced

    def picture(self):
        """Return the page as an array (y, x, 3)."""
        data = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def key(self, name, shift=False):
        """Press a key."""
        text = {"text": name} if len(name) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=name, modifiers=8 * shift,
                     **(text if kind == "keyDown" else {}))  # fmt: skip

    def drag(self, start, end, shift=False):
        """Drag the mouse between two points of the page."""
        for kind, (x, y) in (
            ("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)
        ):  # fmt: skip
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1,
                     clickCount=1, modifiers=8 * shift)  # fmt: skip
