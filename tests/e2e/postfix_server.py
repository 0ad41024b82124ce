# SPDX-License-Identifier: MIT
"""A Postfix of our own: its folders in /tmp, one port on loopback. Needs root and the package postfix."""
import os
import shutil
import subprocess
import tempfile


def is_there():
    return os.geteuid() == 0 and shutil.which("postfix") is not None


class Postfix:
    """Listens on .target; mail for others than .lmtp's domain is thrown away."""

    def __init__(self, lmtp=None):
        """`lmtp`: the socket that mail for bm.alt goes to, below .folder."""
        self.folder = tempfile.mkdtemp(prefix="bittern-postfix-")
        os.chmod(self.folder, 0o755)
        conf, queue = self.folder + "/conf", self.folder + "/queue"
        shutil.copytree("/etc/postfix", conf, symlinks=True)
        for path in (queue, self.folder + "/data"):
            os.mkdir(path)
        shutil.chown(self.folder + "/data", "postfix")
        with open(conf + "/main.cf", "w") as file:
            file.write("compatibility_level = 3.6\nqueue_directory = %s\ndata_directory = %s/data\n"
                       "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmyhostname = localhost\n"
                       "mydestination =\nmynetworks = 127.0.0.0/8\ndefault_transport = discard\n"
                       "relay_domains =\nmaillog_file = /dev/null\nmaillog_file_prefixes = /dev\n"
                       "smtpd_client_connection_count_limit = 0\nsmtpd_client_message_rate_limit = 0\n"
                       "smtpd_client_connection_rate_limit = 0\nin_flow_delay = 0\nalias_maps =\n"
                       % (queue, self.folder))
            if lmtp is not None:
                file.write("transport_maps = inline:{ bm.alt=lmtp:unix:%s/%s }\n" % (self.folder, lmtp))
        self.port = 20000 + os.getpid() % 10000
        with open("/etc/postfix/master.cf") as file:
            lines = [line for line in file if not line.startswith("#")]
        with open(conf + "/master.cf", "w") as file:
            for line in lines:
                if line.startswith("smtp ") and "inet" in line:
                    line = "127.0.0.1:%d inet n - n - - smtpd\n" % self.port
                fields = line.split()
                if len(fields) >= 8 and not line[0].isspace():
                    fields[4] = "n"  # no chroot: its files are not here
                    line = " ".join(fields) + "\n"
                file.write(line)
        self.conf = conf
        subprocess.run(["postfix", "-c", conf, "start"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)
        with open(queue + "/pid/master.pid") as file:
            self.pid = int(file.read())
        self.target = "127.0.0.1:%d" % self.port
        self.sender, self.recipient = "a@localhost", "b@example.org"

    def close(self):
        subprocess.run(["postfix", "-c", self.conf, "stop"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)
