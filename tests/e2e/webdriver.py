# SPDX-License-Identifier: MIT
"""A few words of WebDriver, the remote control of browsers: Chromium, headless, through chromedriver."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"tab": "\ue004", "enter": "\ue007", "escape": "\ue00c", "space": " "}
FIND = """
return [...document.querySelectorAll(arguments[0])].find(one => one.checkVisibility({visibilityProperty: true}) &&
    (arguments[1] === null || one.innerText.includes(arguments[1]))) ?? null;
"""


class WebDriverError(Exception):
    pass


class Chromium:
    def __init__(self, width=1280, height=900, dark=False):
        self.folder = tempfile.mkdtemp(prefix="bittern-chromium-")
        environment = dict(os.environ, HOME=self.folder)
        environment.pop("ASAN_OPTIONS", None)
        self.session = None
        try:
            self.url = "http://127.0.0.1:%d" % self._start(environment)
            options = {
                # As root, and in a container, its own sandbox does not work.
                "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                         "--disable-background-networking", "--disable-component-update",
                         "--no-first-run", "--window-size=%d,%d" % (width, height),
                         "--user-data-dir=" + os.path.join(self.folder, "profile")]
                        + (["--force-dark-mode"] if dark else []),
            }
            binary = shutil.which("chromium")
            if binary:
                options["binary"] = binary
            answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
            self.session = answer["sessionId"]
            if dark:
                self.devtools("Emulation.setEmulatedMedia",
                              features=[{"name": "prefers-color-scheme", "value": "dark"}])
        except Exception:
            self.close()
            raise

    def _start(self, environment):
        """Its port. The free one that it chooses for IPv4 may be another program's for IPv6: then it ends."""
        for _ in range(5):
            self.process = subprocess.Popen(["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, env=environment,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                            start_new_session=True)
            for line in self.process.stdout:
                if "started successfully on port" in line:
                    return int(line.rstrip(".\n").split()[-1])
            self.process.wait()
            self.process.stdout.close()
        raise WebDriverError("chromedriver did not start")

    def _send(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise WebDriverError("%s: %s" % (value.get("error"), value.get("message", "")[:600])) from None

    def do(self, method, path, body=None):
        return self._send(method, "/session/" + self.session + path, body)

    def close(self):
        try:
            if self.session is not None:
                self.do("DELETE", "")
        except (WebDriverError, OSError):
            pass
        finally:
            # The browser is in the same group as the driver that started it.
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process.stdout.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what a person does

    def open(self, url):
        self.do("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find_all(self, css):
        found = self.do("POST", "/elements", {"using": "css selector", "value": css})
        return [Element(self, one[ELEMENT]) for one in found]

    def find(self, css, text=None, timeout=20):
        """The first that is displayed, and holds the text."""
        end = time.monotonic() + timeout
        while True:
            found = self.run(FIND, css, text)
            if found is not None:
                return Element(self, found[ELEMENT])
            if time.monotonic() > end:
                raise WebDriverError("there is no %s with %r\n%s" % (css, text, self.run(
                    "return document.body.innerText")))
            time.sleep(0.05)

    def press(self, *keys):
        """Keys for whatever has the focus."""
        self.do("POST", "/element/%s/value" % self.do("GET", "/element/active")[ELEMENT],
                {"text": "".join(KEYS.get(key, key) for key in keys)})

    def devtools(self, command, **parameters):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.do("GET", "/screenshot")))

    # ---- what it saw

    def console(self):
        """What was written to the console since the last time: broken policies, failed requests, errors."""
        return [one["message"] for one in self.do("POST", "/se/log", {"type": "browser"})]

    def requests(self):
        """The addresses that pages asked for since the last time."""
        messages = [json.loads(one["message"])["message"]
                    for one in self.do("POST", "/se/log", {"type": "performance"})]
        return [one["params"]["request"]["url"] for one in messages
                if one["method"] == "Network.requestWillBeSent"]


class Element:
    def __init__(self, browser, identifier):
        self.browser = browser
        self.path = "/element/" + identifier

    def click(self):
        self.browser.do("POST", self.path + "/click")

    def type(self, text):
        self.browser.do("POST", self.path + "/clear")
        self.browser.do("POST", self.path + "/value", {"text": text})

    def choose_file(self, path):
        self.browser.do("POST", self.path + "/value", {"text": path})

    def text(self):
        return self.browser.do("GET", self.path + "/text")

    def attribute(self, name):
        return self.browser.do("GET", self.path + "/attribute/" + name)
