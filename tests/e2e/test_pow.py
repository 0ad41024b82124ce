# SPDX-License-Identifier: MIT
"""The proof of work's face: kernel, priority, queue, progress, cancelling, and a restart in between."""
import os

import harness
from harness import wait_for

# Practically endless work.
HARD = dict(harness.QUICK, **{"network.least_trials_per_byte": "1000000000"})


def pow_threads(pid):
    """Of a process: thread ids by name."""
    found = []
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/comm" % (pid, tid)) as comm:
            if comm.read().startswith("pow"):
                found.append(int(tid))
    return found


def nice_of(pid, tid):
    with open("/proc/%d/task/%d/stat" % (pid, tid)) as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[16])


class Pow(harness.TestCase):
    def wait_priorities(self, bittern, expected):
        """Each thread gives itself what it is told, soon after it began."""
        pid = bittern.pid_of("gateway")
        wait_for("priorities %s" % expected, lambda: expected == {
            (nice_of(pid, tid), os.sched_getscheduler(tid)) for tid in pow_threads(pid)}, 20)

    def test_threads_and_their_priority_are_settings(self):
        base = {key: value for key, value in harness.QUICK.items() if key != "pow.priority"}
        a = self.bittern("a", base=base, pow__threads=3)
        self.assertEqual(len(pow_threads(a.pid_of("gateway"))), 3)
        self.assertEqual(a.status()["pow"]["threads"], 3)
        self.wait_priorities(a, {(19, os.SCHED_BATCH)})
        for setting, expected in (("idle", {(19, os.SCHED_IDLE)}), ("normal", {(0, os.SCHED_OTHER)})):
            a.stop()
            a.settings["pow.priority"] = setting
            a.start()
            self.wait_priorities(a, expected)

    def test_a_kernel_can_be_chosen_and_is_named(self):
        a = self.bittern("a", pow__kernel="portable")
        self.assertEqual(a.status()["pow"]["kernel"], "portable")
        self.assertIn("pow kernel=portable self-test=passed", a.log_text())
        a.stop()
        a.settings["pow.kernel"] = "abacus"
        a.start()
        self.assertNotEqual(a.status()["pow"]["kernel"], "abacus")
        self.assertIn("is not to be had here", a.log_text())

    def test_progress_is_shown_and_a_cancelled_work_stops(self):
        a = self.bittern("a", base=HARD)
        alice = a.identity("Alice")
        a.send(alice, "broadcast", "endless", "x\n")
        row = wait_for("progress", lambda: next((r for r in a.states() if r.get("left")), None))
        self.assertEqual(row["state"], "working")
        self.assertIn("on average", row["progress"])
        self.assertAlmostEqual(row["left_p95"] / row["left"], 2.996, 2)
        self.assertGreaterEqual(row["chance"], 0)
        self.assertLess(row["chance"], 0.5)
        self.assertRegex(row["work"], "^about .* trials of work: .* here on average, in 19 of 20 cases less than ")
        self.assertGreater(row["work_trials"], 1e12)
        self.assertAlmostEqual(row["work_time_p95"] / row["work_time"], 2.97, 1)
        wait_for("trials", lambda: a.json("queue", "show", str(row["id"]))["trials"] > 0)

        pow = a.status()["pow"]
        self.assertGreaterEqual(pow["jobs"], 1)  # the identity's pubkeys are worked on as well
        self.assertGreater(pow["trials_per_second"], 0)
        self.assertGreater(pow["next"]["left_p95"], pow["next"]["left"])
        page = a.cli("status")
        self.assertIn("[--------------------] 0 %", page)
        self.assertIn("in 19 of 20 cases", page)

        a.restart()
        again = wait_for("the work goes on", lambda: next((r for r in a.states() if r.get("left")), None))
        self.assertEqual(again["id"], row["id"])

        wait_for("all jobs again", lambda: a.status()["pow"]["jobs"] == pow["jobs"])
        a.cli("queue", "cancel", str(row["id"]))
        self.assertNotIn("work", a.json("queue", "show", str(row["id"])))
        wait_for("one job less", lambda: a.status()["pow"]["jobs"] == pow["jobs"] - 1, 10)
        self.assertEqual(a.states()[0]["state"], "cancelled")

    def test_small_work_is_not_kept_waiting_by_large(self):
        a = self.bittern("a")
        alice = a.identity("Alice")
        a.send(alice, "broadcast", "warm up", "x\n")
        a.wait_state("sent")
        a.stop()
        # A large mail with a lifetime of four weeks is some thousand times the work of a small one.
        a.settings["network.least_trials_per_byte"] = "20000" if not harness.SANITIZED else "4000"
        a.start()
        a.send(alice, "broadcast", "large", "x" * 70 + "\n" + ("y" * 70 + "\n") * 2400,
               headers=[("X-Bitmessage-TTL", "28d")])
        wait_for("the large one at work", lambda: a.status()["pow"]["jobs"] == 1)
        a.send(alice, "broadcast", "small", "x\n", headers=[("X-Bitmessage-TTL", "1h")])
        wait_for("the small one sent",
                 lambda: any(r["subject"] == "small" and r["state"] == "sent" for r in a.states()), 120)
        self.assertIn("working", [r["state"] for r in a.states() if r["subject"] == "large"])


if __name__ == "__main__":
    harness.main()
