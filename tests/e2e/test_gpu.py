# SPDX-License-Identifier: MIT
"""Proof of work with an OpenCL device beside the threads: in use, killed, absent.

Any device will do; PoCL makes one of the processor. Where there is none this is skipped.
"""
import os
import signal
import subprocess
import sys

import harness
from harness import wait_for

GPU = os.path.join(harness.BIN, "bittern-gpu")


def has_device():
    if not os.path.exists(GPU):
        return False
    return subprocess.run([GPU, "bench", "0.1"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


# A sender with work of some seconds, so that the device has a part in it.
HARD = dict(harness.QUICK, **{"pow.gpu": "on", "network.least_trials_per_byte": "4000",
                              "network.least_extra_bytes": "1000"})
if harness.SANITIZED:
    HARD["network.least_trials_per_byte"] = "1000"


class Gpu(harness.TestCase):
    def gpu(self, bittern):
        return bittern.status()["pow"]["gpu"]

    def test_it_works_dies_and_comes_back(self):
        a = self.bittern("a", base=HARD)
        # At work already, perhaps: the first identity's public key is published.
        wait_for("the device", lambda: self.gpu(a)["state"] in ("idle", "working"), 90)
        self.assertTrue(self.gpu(a)["device"])
        alice = a.identity("Alice")
        a.send(alice, "broadcast", "in the air", "x\n")
        wait_for("the device at work",
                 lambda: self.gpu(a)["trials_per_second"] > 0 or a.states()[0]["state"] == "sent", 90)
        pow = a.status()["pow"]
        if pow["jobs"]:
            self.assertLessEqual(pow["next"]["chance"], 1)
            self.assertGreater(pow["threads"], 0)
        a.wait_state("sent", timeout=240)
        self.assertGreater(self.gpu(a)["trials_per_second"], 0)

        old = a.pid_of("gpu")
        self.assertGreater(old, 0)
        os.kill(old, signal.SIGKILL)
        a.send(alice, "broadcast", "without it", "x\n")
        wait_for("another process", lambda: a.pid_of("gpu") not in (0, old), 60)
        wait_for("the device again", lambda: self.gpu(a)["state"] in ("idle", "working"), 90)
        wait_for("both sent", lambda: [r["state"] for r in a.states()] == ["sent"] * 2, 240)
        self.assertIn("device=", a.log_text())

        a.stop()
        a.settings["pow.gpu"] = "off"
        a.start()
        self.assertEqual(self.gpu(a)["state"], "absent")
        self.assertEqual(self.gpu(a)["reason"], "[pow] gpu = off")
        self.assertEqual(a.pid_of("gpu"), 0)

    def test_one_that_hangs_is_killed_and_the_threads_go_on(self):
        endless = dict(HARD, **{"network.least_trials_per_byte": "1000000000"})
        a = self.bittern("a", base=endless)
        a.send(a.identity("Alice"), "broadcast", "endless", "x\n")
        wait_for("the device at work", lambda: self.gpu(a)["state"] == "working", 90)
        hanging = a.pid_of("gpu")
        os.kill(hanging, signal.SIGSTOP)
        before = a.states()[0]["trials"]
        wait_for("the threads to go on", lambda: a.states()[0]["trials"] > before, 30)
        wait_for("another process", lambda: a.pid_of("gpu") not in (0, hanging), 60)
        wait_for("it at work", lambda: self.gpu(a)["state"] == "working", 90)
        self.assertIn("killed process=gpu: it hangs", a.log_text())

    def test_without_a_device_it_is_not_started_again(self):
        os.environ["OCL_ICD_VENDORS"] = "/nonexistent"
        self.addCleanup(os.environ.pop, "OCL_ICD_VENDORS")
        a = self.bittern("a", pow__gpu="on")
        wait_for("the reason", lambda: "OpenCL" in self.gpu(a)["reason"], 60)
        self.assertEqual(self.gpu(a)["state"], "absent")
        wait_for("its end", lambda: a.pid_of("gpu") == 0, 60)
        self.assertNotIn("process=gpu by status 0; started again", a.log_text())
        # The gateway is started again and hears of it again.
        os.kill(a.pid_of("gateway"), signal.SIGKILL)
        wait_for("the gateway", a.is_ready, 60)
        wait_for("the reason again", lambda: "OpenCL" in self.gpu(a)["reason"], 60)


if __name__ == "__main__":
    if not has_device():
        print("skipped: bittern-gpu is not built, or OpenCL has no device here")
        sys.exit(77)
    harness.main()
