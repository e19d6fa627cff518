"""A headless Chromium and the few words of its DevTools protocol that the tests need.

It talks over two pipes (``--remote-debugging-pipe``): no port is opened, no library is needed.
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
# For a machine under load; a step that works takes a fraction of a second.
PATIENCE_SECONDS = 60
KEYS = {
    "Tab": 9, "Enter": 13, "Escape": 27, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36,
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}  # fmt: skip


def found() -> str | None:
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One page of a browser.

    Attributes:
        requests: Addresses that the page asked for, in their order.
        refused: Why requests were stopped before they were made.
        problems: Exceptions, console errors and what the content security policy refused.
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._buffer, self._number, self._session = b"", 0, None
        self.requests: list[str] = []
        self.refused: list[str] = []
        self.problems: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come before it are noted."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read(method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._note(answer)

    def open(self, page: Path, fragment: str = "") -> None:
        """Open a file and wait until its script has run."""
        self.call("Page.navigate", url="about:blank")
        self.requests.clear()
        self.refused.clear()
        self.call("Page.navigate", url=page.as_uri() + fragment)
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def run(self, expression: str) -> Any:
        """Return the value of an expression in the page; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Return once an expression is true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.run(condition):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {condition}")
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """Click in the middle of an element, as a mouse does."""
        place = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.left + r.width / 2, r.top + r.height / 2]; })()"
        )
        self.settle()
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1],
                      button="none" if kind == "mouseMoved" else "left", clickCount=1)  # fmt: skip
        self.settle()

    def hover(self, selector: str) -> None:
        """Move the mouse over an element."""
        x, y = self.run(
            f"(() => {{ const r = document.querySelector({json.dumps(selector)})"
            ".getBoundingClientRect(); return [r.left + 20, r.top + 20]; })()"
        )
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select, with the event that a user causes."""
        self.run(
            f"(() => {{ const s = document.querySelector({json.dumps(selector)});"
            f"s.value = {json.dumps(value)};"
            "if (s.selectedIndex < 0) throw new Error('no such option');"
            "s.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        self.settle()

    def press(self, key: str, shift: bool = False) -> None:
        """Press a key of ``KEYS``."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key,
                windowsVirtualKeyCode=KEYS[key], modifiers=8 if shift else 0,
                **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}),
            )  # fmt: skip
        self.settle()

    def settle(self) -> None:
        """Wait for what an event set off: two frames."""
        self.run("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r())))")

    def size(self, width: int, height: int) -> None:
        """Give the window a size in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        self.settle()

    def prefer(self, scheme: str) -> None:
        """Let the system prefer ``light`` or ``dark``."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.settle()

    def screenshot(self) -> bytes:
        """Return what the window shows, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _read(self, method: str) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_SECONDS
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f"{method}: Chromium did not answer")
            part = os.read(self._from, 1 << 20)
            if not part:
                raise AssertionError(f"{method}: Chromium ended")
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    def _note(self, event: dict[str, Any]) -> None:
        method, said = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif method == "Network.loadingFailed" and "blockedReason" in said:
            self.refused.append(said["blockedReason"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(said["exceptionDetails"]))
        elif method == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.problems.append(said["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "assert"):
            self.problems.append(str(said["args"]))


@contextmanager
def started(folder: Path) -> Iterator[Chromium]:
    """Yield a browser that keeps all it writes in a folder, and end all its processes."""
    from_test, to_browser = os.pipe()
    from_browser, to_test = os.pipe()
    script = f'exec 3<&{from_test} 4>&{to_test}; exec "$@"'
    process = subprocess.Popen(
        [
            "/bin/bash", "-c", script, "sh", str(found()), "--headless=new", "--no-sandbox",
            "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--remote-debugging-pipe", f"--user-data-dir={folder}",
        ],
        pass_fds=(from_test, to_test),
        env={**os.environ, "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=(folder / "chromium.log").open("w"),
        start_new_session=True,
    )  # fmt: skip
    os.close(from_test)
    os.close(to_test)
    try:
        yield Chromium(to_browser, from_browser)
    finally:
        for end in (to_browser, from_browser):
            os.close(end)
        # The group of the session: the browser and all that it started.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
