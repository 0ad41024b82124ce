#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the corpus anew: the letters as the mail programs that run here write them.

    tests/corpus/collect.py                  mutt, neomutt, s-nail, swaks, Python
    BITTERN_BIN=... tests/corpus/collect.py thunderbird

What a program writes is kept as it is, but for this machine's name. The files whose names begin with
"made-" were made by hand after the observed shapes of programs that don't run here."""
import email.message
import email.policy
import os
import shutil
import smtplib
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading

import letters

HERE = os.path.dirname(os.path.abspath(__file__))


def keep(name, raw):
    raw = raw.replace(socket.gethostname().encode(), b"host.example")
    if b"\r\n" not in raw:
        raw = raw.replace(b"\n", b"\r\n")
    with open(os.path.join(HERE, name + ".eml"), "wb") as file:
        file.write(raw)
    print(name, len(raw))


class Capture(socketserver.ThreadingTCPServer):
    """An SMTP server that keeps one mail."""
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.mail = None
        capture = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b"220 capture\r\n")
                while line := self.rfile.readline():
                    verb = line[:4].upper()
                    if verb == b"EHLO":
                        self.wfile.write(b"250-capture\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
                    elif verb == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        lines = []
                        while (part := self.rfile.readline()) != b".\r\n":
                            lines.append(part[1:] if part.startswith(b".") else part)
                        capture.mail = b"".join(lines)
                        self.wfile.write(b"250 ok\r\n")
                    elif verb == b"QUIT":
                        self.wfile.write(b"221 bye\r\n")
                        return
                    else:
                        self.wfile.write(b"250 ok\r\n")
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def by_sendmail(folder, command, text):
    """Run a program that calls sendmail; what it handed over."""
    out = os.path.join(folder, "out")
    script = os.path.join(folder, "sendmail")
    with open(script, "w") as file:
        file.write("#!/bin/sh\ncat > %s\n" % out)
    os.chmod(script, 0o755)
    environment = dict(os.environ, HOME=folder, LC_ALL="C.UTF-8", EMAIL=letters.FROM)
    subprocess.run(command, input=text.encode(), check=True, env=environment)
    with open(out, "rb") as file:
        return file.read()


def from_mutt(program, folder, files):
    rc = os.path.join(folder, program + "rc")
    with open(rc, "w") as file:
        file.write('set sendmail="%s/sendmail" from="%s" realname="Alice" use_from=yes charset=utf-8\n'
                   'set copy=no\n' % (folder, letters.FROM))
    extra = ["-a"] + files + ["--"] if files else []
    return by_sendmail(folder, [program, "-n", "-F", rc, "-s", letters.SUBJECT] + extra + [letters.TO],
                       letters.TEXT)


def from_s_nail(folder, files):
    extra = [word for path in files for word in ("-a", path)]
    return by_sendmail(folder, ["s-nail", "-:/", "-S", "mta=%s/sendmail" % folder, "-S", "sendwait", "-S",
                                "ttycharset=utf-8", "-r", letters.FROM, "-s", letters.SUBJECT] + extra +
                       [letters.TO], letters.TEXT)


def from_swaks(files):
    server = Capture()
    extra = [word for path in files for word in ("--attach-type", "image/png", "--attach-name", letters.FILE,
                                                 "--attach", "@" + path)]
    subprocess.run(["swaks", "--server", "127.0.0.1", "--port", str(server.server_address[1]), "-f", letters.FROM,
                    "-t", letters.TO, "--header", "Subject: " + letters.SUBJECT, "--add-header",
                    "MIME-Version: 1.0", "--add-header", "Content-Type: text/plain; charset=utf-8",
                    "--body", letters.TEXT.replace("\n", "\\n")] + extra, check=True,
                   stdout=subprocess.DEVNULL)
    server.shutdown()
    return server.mail


def from_python(files):
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["Subject"], mail["From"], mail["To"] = letters.SUBJECT, letters.FROM, letters.TO
    mail.set_content(letters.TEXT)
    for path in files:
        with open(path, "rb") as file:
            mail.add_attachment(file.read(), "image", "png", filename=os.path.basename(path))
    server = Capture()
    with smtplib.SMTP("127.0.0.1", server.server_address[1]) as client:
        client.send_message(mail)
    server.shutdown()
    return server.mail


def from_thunderbird(folder):
    sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
    import test_thunderbird
    day = test_thunderbird.Thunderbird
    day.setUpClass()
    try:
        one = day("js")
        for name, files, html in (("thunderbird-text", [], False),
                                  ("thunderbird-file", [os.path.join(folder, letters.FILE)], False)):
            one.js("""
              const [from, subject, text, files, html] = args;
              const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
              params.composeFields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
              params.composeFields.to = from; params.composeFields.subject = subject;
              params.composeFields.body = html ? text.split("\\n").map(l => "<p>" + l + "</p>").join("") : text;
              params.format = html ? Ci.nsIMsgCompFormat.HTML : Ci.nsIMsgCompFormat.PlainText;
              params.type = Ci.nsIMsgCompType.New;
              for (const path of files) {
                const one = Cc["@mozilla.org/messengercompose/attachment;1"].createInstance(Ci.nsIMsgAttachment);
                one.url = "file://" + path; one.name = path.split("/").pop(); one.contentType = "image/png";
                params.composeFields.addAttachment(one);
              }
              MailServices.compose.OpenComposeWindowWithParams(null, params);
              const cw = await until("the compose window", () => Services.wm.getMostRecentWindow("msgcompose"));
              await until("the editor", () => cw.gMsgCompose?.editor && !cw.gWindowLocked);
              await new Promise(r => win.setTimeout(r, 1500));
              cw.goDoCommand("cmd_sendNow");
              await until("the window to close", () => cw.closed);""",
                   day.address, letters.SUBJECT, letters.TEXT, files, html)
            found = test_thunderbird.wait_for("the copy in Sent", lambda: [
                m for m in day.one.mails("Sent") if m["Subject"] == letters.SUBJECT])
            keep(name, found[-1].raw.replace(day.address.encode(), letters.FROM.encode()))
            box = day.one.imap("Sent")
            box.uid("STORE", str(found[-1].uid), "+FLAGS", "(\\Deleted)")
            box.expunge()
            box.logout()
    finally:
        day.doClassCleanups()


def main():
    folder = tempfile.mkdtemp(prefix="corpus-")
    picture = os.path.join(folder, letters.FILE)
    with open(picture, "wb") as file:
        file.write(letters.PICTURE)
    try:
        if sys.argv[1:] == ["thunderbird"]:
            from_thunderbird(folder)
            return
        for kind, files in (("text", []), ("file", [picture])):
            for program in ("mutt", "neomutt"):
                keep("%s-%s" % (program, kind), from_mutt(program, folder, files))
            keep("s-nail-" + kind, from_s_nail(folder, files))
            keep("swaks-" + kind, from_swaks(files))
            keep("python-" + kind, from_python(files))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
