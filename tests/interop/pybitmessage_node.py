#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bittern-node beside a real PyBitmessage, without mail: the handshake and TLS, 300 objects there, one back.

    tests/interop/pybitmessage_node.py CHECKOUT [--python PYTHON2.7] [--path DIR] [--dandelion PERCENT]

As tests/interop/pybitmessage.py; without a checkout it skips (exit code 77). BITTERN_BIN names the folder
of the executables. Difficulty is a hundredth of the network's, as PyBitmessage's own test mode has it.
"""
import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xmlrpc.client

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "node", "p2p"))
import nodes  # noqa: E402
from nodes import Node, Peer, make_object, wait_for  # noqa: E402

N_OBJECTS = 300
MAGIC = 0xE9BEB4D9
API_PORT = 28942

KEYS_DAT = """[bitmessagesettings]
settingsversion = 10
dontconnect = false
port = 28944
sendoutgoingconnections = True
trustedpeer = 127.0.0.1:%d
udp = False
upnp = False
socksproxytype = none
sockshostname = 127.0.0.1
apienabled = true
apiinterface = 127.0.0.1
apiport = %d
apiusername = user
apipassword = pass
defaultnoncetrialsperbyte = 10
defaultpayloadlengthextrabytes = 10
extralowdifficulty = true
ttl = 172800
[network]
bind = 127.0.0.21
dandelion = %d
"""

TLS_CONF = """openssl_conf = conf
[conf]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MaxProtocol = TLSv1.2
"""


def start_reference(options, home, port):
    def write(name, text):
        with open(os.path.join(home, name), "w") as file:
            file.write(text)

    write("keys.dat", KEYS_DAT % (port, API_PORT, options.dandelion))
    write("tls.cnf", TLS_CONF)
    seen = int(time.time()) - 14400
    write("knownnodes.dat", json.dumps(
        [{"stream": 1, "peer": {"host": "127.0.0.%d" % i, "port": 1},
          "info": {"lastseen": seen, "rating": 0, "self": False}} for i in (2, 3, 4)]))
    environment = dict(os.environ, BITMESSAGE_HOME=home,
                       OPENSSL_CONF=os.path.join(home, "tls.cnf"))
    if options.path:
        environment["PYTHONPATH"] = options.path
    with open(os.path.join(home, "output"), "wb") as output:
        return subprocess.Popen(
            [options.python, os.path.join(options.checkout, "src", "bitmessagemain.py"), "-d"],
            env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


def stop_reference(home, launcher):
    try:
        with open(os.path.join(home, "singleton.lock")) as file:
            pid = int(file.read())
        os.kill(pid, 15)
        wait_for("PyBitmessage to end", 20, lambda: not os.path.exists("/proc/%d" % pid))
    except (OSError, ValueError):
        pass
    launcher.kill()
    launcher.wait()


def exchange(node, api):
    def answers():
        try:
            return api.helloWorld("a", "b") == "a-b"
        except OSError:
            return False

    def processed():
        status = api.clientStatus()
        status = status if isinstance(status, dict) else json.loads(status)
        return status["numberOfMessagesProcessed"]

    wait_for("PyBitmessage's API", 60, answers)
    wait_for("the connection", 60, lambda: node.status.get("peers_in") == 1)
    assert 'agent="/PyBitmessage' in node.log() and "tls=TLSv1" in node.log(), node.log()
    objects = [make_object(b"interop %d " % i + os.urandom(200), life=7200, trials=10, extra=10)
               for i in range(N_OBJECTS)]
    start = time.monotonic()
    Peer(node.port).serve(objects, lambda: node.objects() >= N_OBJECTS)
    wait_for("all objects at PyBitmessage", 120, lambda: processed() >= N_OBJECTS)
    print("ok there: %d objects in %.1f s" % (N_OBJECTS, time.monotonic() - start))
    start = time.monotonic()
    api.createRandomAddress(base64.b64encode(b"interop").decode())
    wait_for("its pubkey here", 300, lambda: node.status.get("objects_of_kind_pubkey") == 1)
    print("ok back: a pubkey in %.1f s" % (time.monotonic() - start))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", nargs="?")
    parser.add_argument("--python", default="python2.7")
    parser.add_argument("--path")
    parser.add_argument("--dandelion", type=int, default=0)
    options = parser.parse_args()
    if not options.checkout:
        print("skipped: no PyBitmessage checkout was given")
        return 77
    nodes.frame.__defaults__ = (b"", MAGIC)
    node = Node("node", {"network.magic": "%08x" % MAGIC, "network.least_trials_per_byte": "10",
                         "network.least_extra_bytes": "10",
                         "network.dandelion": str(options.dandelion)})
    home = tempfile.mkdtemp(prefix="pybitmessage-")
    launcher = start_reference(options, home, node.port)
    try:
        exchange(node, xmlrpc.client.ServerProxy("http://user:pass@127.0.0.1:%d/" % API_PORT))
        node.stop()
    finally:
        stop_reference(home, launcher)
        shutil.rmtree(home, ignore_errors=True)
        node.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
