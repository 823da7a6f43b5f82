# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: memoryd contributors
"""A browser without a window, Chromium on this machine, driven by WebDriver (https://www.w3.org/TR/webdriver2/)."""

import base64
import http.client
import json
import re
import subprocess
import tempfile
import time

# Deadlines, in seconds, for a busy machine. Guests answer slowly.
START_TIMEOUT = 120
CALL_TIMEOUT = 300
WAIT_TIMEOUT = 300

# The name of an element's reference in JSON.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# Keys that are not characters.
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Space": " ", "Escape": "\ue00c", "Left": "\ue012", "Up": "\ue013",
        "Right": "\ue014", "Down": "\ue015", "Home": "\ue011", "End": "\ue010", "PageUp": "\ue00e",
        "PageDown": "\ue00f", "Backspace": "\ue003"}
MODIFIERS = {"Shift": "\ue008", "Control": "\ue009"}


class BrowserError(Exception):
    """The browser or the page misbehaved. The text says how."""


class Browser:
    """A context manager: the browser runs inside `with`."""

    def __enter__(self):
        # The profile is a folder of its own: the browser never reads the one of the user.
        self._profile = tempfile.TemporaryDirectory(prefix="memoryd-browser-", ignore_cleanup_errors=True)
        self._driver = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "chromedriver", "--port=0"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _open(self):
        self._session = None
        for line in self._driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self._port = int(found[1])
                break
        else:
            raise BrowserError("chromedriver does not start")
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                            f"--user-data-dir={self._profile.name}", "--force-device-scale-factor=1"]}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "timeouts": {"script": CALL_TIMEOUT * 1000, "pageLoad": CALL_TIMEOUT * 1000},
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self._session = f"/session/{answer['sessionId']}"

    def __exit__(self, kind, error, traceback):
        try:
            if self._session:
                self._command("DELETE", "")
        except (BrowserError, OSError):
            pass
        self._driver.terminate()
        self._driver.wait(START_TIMEOUT)
        self._driver.stdout.close()
        self._profile.cleanup()

    # The protocol

    def _call(self, method, path, values=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=CALL_TIMEOUT)
        try:
            connection.request(method, path, None if method != "POST" else json.dumps(values or {}),
                               {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise BrowserError(f"{answer['error']}: {answer['message'].splitlines()[0]}")
        return answer

    def _command(self, method, path, values=None):
        return self._call(method, self._session + path, values)

    def _tools(self, command, **parameters):
        """Calls Chromium's own protocol for developers."""
        return self._command("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    # Pages

    def go(self, url):
        self._command("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        """Runs a function body of JavaScript and returns its value. A promise is awaited."""
        return self._command("POST", "/execute/sync", {"script": script, "args": arguments})

    def forget(self):
        """Forgets the cookies of the page, and with them who is logged in."""
        self._command("DELETE", "/cookie")

    def enter_frame(self, selector):
        self._command("POST", "/frame", {"id": self._find(selector)})

    def leave_frames(self):
        self._command("POST", "/frame", {"id": None})

    def set_view(self, width, height, is_dark=False):
        """Sets the size of the window in pixels, and whether the user prefers a dark style."""
        self._tools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                    mobile=False)
        self._tools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}])

    def errors(self):
        """Returns what the browser has logged as errors since the last call, such as faults of scripts and violations
        of the content security policy."""
        return [entry["message"] for entry in self._command("POST", "/se/log", {"type": "browser"})
                if entry["level"] == "SEVERE"]

    # Elements

    def _find(self, selector):
        return self._command("POST", "/element", {"using": "css selector", "value": selector})

    def wait(self, script, *arguments, timeout=WAIT_TIMEOUT):
        """Waits until a function body of JavaScript returns what is true, and returns that."""
        deadline = time.monotonic() + timeout
        while not (answer := self.run(script, *arguments)):
            if time.monotonic() > deadline:
                raise BrowserError(f"not within {timeout} s: {script} {arguments}\n{self.text('body')}")
            time.sleep(0.1)
        return answer

    def wait_for_text(self, selector, pattern, timeout=WAIT_TIMEOUT):
        """Waits until the text of an element matches a regular expression of JavaScript, in small or large letters."""
        self.wait("return new RegExp(arguments[1], 'i').test(document.querySelector(arguments[0])?.innerText ?? '')",
                  selector, pattern, timeout=timeout)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def click(self, selector):
        """Clicks on an element with the mouse, when it is there and visible."""
        self.wait("return document.querySelector(arguments[0])?.checkVisibility()", selector)
        element = self._find(selector)
        self._command("POST", f"/element/{element[ELEMENT]}/click")

    def click_button(self, within, name):
        """Clicks on the button with this accessible name, or text, in an element."""
        self.wait("""
            const [within, name] = arguments;
            const button = [...document.querySelectorAll(`${within} button`)].find(button =>
                button.checkVisibility() && [button.getAttribute("aria-label"), button.textContent].includes(name));
            document.querySelectorAll("[data-clicked]").forEach(other => delete other.dataset.clicked);
            if (button)
                button.dataset.clicked = "";
            return button !== undefined;
            """, within, name)
        self.click("[data-clicked]")

    def fill(self, selector, text):
        """Replaces the text of a field as a user would type it."""
        self.click(selector)
        self.press("Control+a", "Backspace")
        if text:
            self._command("POST", f"/element/{self._find(selector)[ELEMENT]}/value", {"text": text})

    def press(self, *keys):
        """Presses keys, one after another: a name of KEYS or a character, with modifiers as in Shift+Tab."""
        actions = []
        for key in keys:
            *modifiers, name = key.split("+")
            values = [*(MODIFIERS[modifier] for modifier in modifiers), KEYS.get(name, name)]
            actions += [{"type": "keyDown", "value": value} for value in values]
            actions += [{"type": "keyUp", "value": value} for value in reversed(values)]
        self._command("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def point(self, selector, x, y):
        """Moves the pointer to a place in an element, in pixels from its top left corner."""
        box = self.run("""
            const element = document.querySelector(arguments[0]);
            element.scrollIntoView({ block: "center" });
            const { left, top } = element.getBoundingClientRect();
            return [left, top];
            """, selector)
        self._command("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [
            {"type": "pointerMove", "duration": 0, "origin": "viewport", "x": round(box[0] + x),
             "y": round(box[1] + y)}]}]})

    def take_picture(self, path, selector="html"):
        """Writes a PNG of an element as a whole."""
        left, top, width, height = self.run("""
            const { left, top, width, height } = document.querySelector(arguments[0]).getBoundingClientRect();
            return [left + scrollX, top + scrollY, width, height];
            """, selector)
        picture = self._tools("Page.captureScreenshot", captureBeyondViewport=True, clip={
            "x": left, "y": top, "width": width, "height": height, "scale": 1})
        path.write_bytes(base64.b64decode(picture["data"]))
