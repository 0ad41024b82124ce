# SPDX-License-Identifier: MIT
"""Servers that say what a test wants: Namecoin's namecoind (JSON-RPC) and nmcontrol."""
import base64
import json
import socketserver
import threading


class _Server:
    """Serves on a free port of loopback, in a thread, while the `with` lasts."""

    def __enter__(self):
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 10

            def handle(self):
                outer.n_asked += 1
                outer.serve(self.rfile, self.wfile)

        self.n_asked = 0
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Namecoind(_Server):
    def __init__(self, names, user, password):
        self.names, self.user, self.password = names, user, password

    def serve(self, reader, writer):
        head = {}
        reader.readline()
        while True:
            line = reader.readline().decode().strip()
            if not line:
                break
            key, value = line.split(":", 1)
            head[key.lower()] = value.strip()
        question = json.loads(reader.read(int(head["content-length"])))
        login = "Basic " + base64.b64encode(
            ("%s:%s" % (self.user, self.password)).encode()).decode()
        if head.get("authorization") != login:
            writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            return
        assert question["method"] == "name_show"
        name = question["params"][0]
        if name in self.names:
            answer = {"result": {"name": name, "value": self.names[name]}, "error": None, "id": 1}
        else:
            answer = {"result": None, "error": {"code": -4, "message": "name not found"}, "id": 1}
        body = json.dumps(answer).encode()
        status = b"200 OK" if name in self.names else b"500 Internal Server Error"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(body))
        # In two pieces, the way a network cuts them.
        writer.write(body[:7])
        writer.flush()
        writer.write(body[7:])


class Nmcontrol(_Server):
    def __init__(self, names):
        self.names = names

    def serve(self, reader, writer):
        text = b""
        while True:
            text += reader.read1(4096)
            try:
                question = json.loads(text)
                break
            except ValueError:
                pass
        assert question["method"] == "data" and question["params"][0] == "getValue"
        reply = self.names.get(question["params"][1])
        writer.write(json.dumps({"result": {"reply": reply}, "error": None}).encode())
