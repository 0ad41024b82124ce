# SPDX-License-Identifier: MIT
"""A few lines of Marionette, the remote control of Mozilla's programs: JSON with its length in front, over
TCP. Enough to run scripts in Thunderbird's own chrome."""
import json
import socket
import time


class MarionetteError(Exception):
    pass


class Marionette:
    def __init__(self, port, timeout=60):
        end = time.monotonic() + timeout
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
        self.file = self.socket.makefile("rb")
        self.n_sent = 0
        self._receive()  # its greeting
        self.command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {}}})
        self.command("Marionette:SetContext", {"value": "chrome"})
        self.command("WebDriver:SetTimeouts", {"script": 100000})

    def _receive(self):
        digits = b""
        while not digits.endswith(b":"):
            byte = self.file.read(1)
            if not byte:
                raise MarionetteError("the program closed the connection")
            digits += byte
        return json.loads(self.file.read(int(digits[:-1])))

    def command(self, name, parameters=None):
        self.n_sent += 1
        text = json.dumps([0, self.n_sent, name, parameters or {}]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._receive()
        if error:
            raise MarionetteError("%s: %s\n%s" % (name, error.get("message"), error.get("stacktrace", "")[:800]))
        return result

    def run(self, script, *arguments):
        """The value that an async function with this body returns."""
        wrapped = "const done = arguments[arguments.length - 1]; const args = [...arguments];" \
                  "(async () => {%s})().then(v => done({value: v === undefined ? null : v}), " \
                  "e => done({error: String(e) + ' ' + (e.stack || '')}));" % script
        answer = self.command("WebDriver:ExecuteAsyncScript",
                              {"script": wrapped, "args": list(arguments), "newSandbox": False})["value"]
        if "error" in answer:
            raise MarionetteError(answer["error"])
        return answer["value"]

    def close(self):
        self.file.close()
        self.socket.close()
