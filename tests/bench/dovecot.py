# SPDX-License-Identifier: MIT
"""Debian's Dovecot in a folder of its own: what our IMAP server is measured against, and asked when
a client does something unexpected. Needs root (its processes change users)."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

USER = "me"
PASSWORD = "secret"

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = sdbox:{folder}/mail
mail_fsync = always
mail_attribute_dict = file:{folder}/attributes
first_valid_uid = 0
imap_capability = +
mail_max_userip_connections = 0
default_internal_user = {internal}
default_login_user = {internal}
default_internal_group = {group}
default_process_limit = 3000
default_client_limit = 4000
service auth {{
  client_limit = 20000
}}
service anvil {{
  chroot =
  client_limit = 20000
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 3000
  service_count = 0
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


def is_installed():
    return shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin") is not None and os.geteuid() == 0


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Dovecot:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="dovecot-")
        os.chmod(self.folder, 0o755)
        mail = pwd.getpwnam("mail")
        for name in ("run", "mail"):
            os.mkdir(os.path.join(self.folder, name))
        os.chown(os.path.join(self.folder, "mail"), mail.pw_uid, mail.pw_gid)
        self.port = free_port()
        path = os.path.join(self.folder, "dovecot.conf")
        with open(path, "w") as file:
            file.write(CONFIG.format(folder=self.folder, port=self.port, password=PASSWORD,
                                     internal="dovecot", group="dovecot", uid=mail.pw_uid,
                                     gid=mail.pw_gid))
        self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", path], stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("Dovecot did not start: " + self.log())

    def log(self):
        try:
            with open(os.path.join(self.folder, "log")) as file:
                return file.read()
        except OSError:
            return ""

    def pids(self):
        """Of all its processes."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open("/proc/%s/stat" % entry) as file:
                        parent = int(file.read().rsplit(")", 1)[1].split()[1])
                except OSError:
                    continue
                children.setdefault(parent, []).append(int(entry))
        found = [self.process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
