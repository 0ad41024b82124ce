# SPDX-License-Identifier: MIT
"""Whoever asks a Bittern over HTTP: the page's requests, a script's, and those that should fail."""
import base64
import http.client
import json


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def result(self):
        answer = self.json
        if "result" not in answer:
            raise AssertionError("%d: %s" % (self.status, answer))
        return answer["result"]

    @property
    def code(self):
        return self.json["error"]["code"]


class Web:
    """One browser, or one script."""

    def __init__(self, one, host="127.0.0.1"):
        self.host = host
        self.port = one.status()["http"]["port"]
        self.cookie = None
        self.token = None

    def connection(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def ask(self, method, path, body=None, headers=()):
        connection = self.connection()
        try:
            connection.request(method, path, body, dict(headers))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, path, params=None, **more):
        """As the page does; `more` changes fields (None: leaves one out), underscores for dashes."""
        headers = {"Content-Type": "application/json", "Origin": "http://%s:%d" % (self.host, self.port),
                   "Cookie": self.cookie, "Bittern-Token": self.token}
        headers.update({name.replace("_", "-"): value for name, value in more.items()})
        body = params if isinstance(params, (bytes, str)) else json.dumps(params or {})
        return self.ask("POST", path, body, {k: v for k, v in headers.items() if v is not None})

    def call(self, name, _more=None, /, **params):
        return self.post("/api/" + name, params, **(_more or {}))

    def log_in(self, account, password):
        answer = self.post("/api/login", {"account": account, "password": password})
        if answer.status == 200:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
            self.token = answer.result["token"]
        return answer


class Script(Web):
    """With basic authentication, as curl -u does it."""

    def __init__(self, one, account, password, **more):
        super().__init__(one, **more)
        self.authorization = "Basic " + base64.b64encode(("%s:%s" % (account, password)).encode()).decode()

    def post(self, path, params=None, **more):
        return super().post(path, params, **dict({"Origin": None, "Authorization": self.authorization}, **more))
