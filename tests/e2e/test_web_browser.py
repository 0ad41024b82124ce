# SPDX-License-Identifier: MIT
"""The web page in Chromium: what a person does with it, by mouse and by keyboard, and that nothing that
strangers wrote becomes more than text."""
import os
import shutil
import sys
import unittest

import harness
from harness import wait_for
from webdriver import Chromium

OTHER = "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"
HOSTILE = "<img src=x onerror=\"window.hacked=1\">&amp;"
SECTIONS = ("overview", "outbox", "identities", "chans", "subscriptions", "contacts", "senders", "programs", "safety")

# What a screen reader would stumble over.
AUDIT = """
const found = [];
const name = node => node.tagName + " " + (node.id || node.textContent.slice(0, 30));
for (const input of document.querySelectorAll("input, select")) {
  if (input.labels.length === 0 && !input.ariaLabel) found.push("no label: " + name(input));
}
for (const button of document.querySelectorAll("button, a, summary")) {
  if (button.textContent.trim() === "") found.push("no name: " + name(button));
}
for (const image of document.querySelectorAll("img, svg")) {
  if (!image.hasAttribute("alt") && !image.hasAttribute("aria-label")) found.push("no text: " + name(image));
}
for (const table of document.querySelectorAll("table")) {
  if (!table.caption) found.push("no caption: " + name(table));
}
for (const head of document.querySelectorAll("th")) {
  if (head.textContent.trim() === "") found.push("empty head");
}
const ids = [...document.querySelectorAll("[id]")].map(node => node.id);
found.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map(id => "twice: " + id));
if ([...document.querySelectorAll("h1")].filter(head => head.offsetParent).length !== 1) found.push("not one h1");
return found;
"""

# How much of the page, or of a table, is beyond the edge.
TOO_WIDE = """
return Math.max(...[document.documentElement, ...document.querySelectorAll("#main .scroll, dialog")]
  .map(one => one.scrollWidth - one.clientWidth));
"""


@unittest.skipUnless(shutil.which("chromium") and shutil.which("chromedriver"), "chromium is not installed")
class Browser(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one = harness.Bittern(name="page").start()
        cls.addClassCleanup(cls.one.close)
        cls.one.make_account()
        cls.me = cls.one.json("identity", "list")[0]["address"]
        cls.one.cli("identity", "rename", cls.me, "Alice")

    def setUp(self):
        self.url = "http://127.0.0.1:%d/" % self.one.status()["http"]["port"]
        self.browser = self.chromium()

    def chromium(self, **how):
        browser = Chromium(**how)
        self.addCleanup(browser.close)
        browser.requests()  # of the tab that it opened by itself
        browser.console()
        return browser

    def log_in(self, browser=None, password=None):
        browser = browser or self.browser
        browser.find("#account").type("me")
        browser.find("#password").type(password or self.one.password)
        browser.find("#login button").click()

    def enter(self, section="overview", browser=None):
        browser = browser or self.browser
        browser.open(self.url + "#" + section)
        self.log_in(browser)
        self.shows(section, browser)

    def go(self, section):
        self.browser.find("#sections a[href='#%s']" % section).click()
        self.shows(section)

    def shows(self, section, browser=None):
        (browser or self.browser).find("section[data-section=%s][data-ready]" % section)

    def fill(self, label, text):
        """The field of that label."""
        self.browser.find("#" + self.browser.find("label", label).attribute("for")).type(text)

    def row(self, text):
        return self.browser.find("tbody tr", text)

    def press_in_row(self, text, button):
        self.browser.run("""
            const row = [...document.querySelectorAll("tbody tr")].find(r => r.innerText.includes(arguments[0]));
            [...row.querySelectorAll("button")].find(b => b.innerText === arguments[1]).click();""", text, button)

    def clean(self):
        """Nothing was refused by the policy, nothing failed, and nobody else was asked."""
        self.assertFalse(self.browser.run("return window.hacked === 1"))
        self.assertEqual(self.browser.console(), [])
        asked = [url for url in self.browser.requests() if not url.startswith(("chrome://", "data:"))]
        self.assertTrue(asked)
        self.assertEqual([url for url in asked if not url.startswith(self.url)], [])

    # ---- cases

    def test_logging_in_and_out(self):
        browser = self.browser
        browser.open(self.url)
        self.log_in(password="wrong")
        self.assertIn("wrong", browser.find("#login-error", "Account or password").text())
        self.assertEqual(len(browser.console()), 1)  # the browser's own word on the 401
        self.log_in()
        self.shows("overview")
        self.assertEqual(browser.find("#who").text(), "me")
        browser.open(self.url + "#chans")
        browser.do("POST", "/refresh")
        self.shows("chans")
        self.assertEqual(browser.run("return document.cookie"), "")
        browser.find("#logout").click()
        browser.find("#account")
        browser.do("POST", "/refresh")
        browser.find("#account")
        self.clean()

    def test_the_keyboard_is_enough(self):
        browser = self.browser
        browser.open(self.url)
        browser.find("#account")
        browser.press("me", "tab", self.one.password, "enter")
        self.shows("overview")
        browser.run("document.querySelector('.skip').focus()")
        browser.press("tab", "tab", "tab", "tab", "enter")  # the mark, Overview, Outbox, Identities
        self.shows("identities")
        self.assertEqual(browser.run("return document.activeElement.id"), "main")
        browser.run("document.querySelector('[data-key^=rename]').focus()")
        browser.press("enter")
        browser.find("dialog input")
        browser.press("escape")
        wait_for("the window to close", lambda: not browser.find_all("dialog"))
        self.assertTrue(browser.run("return document.activeElement.dataset.key.startsWith('rename')"))
        self.clean()

    def test_a_day_of_a_person(self):
        browser = self.browser
        self.enter("identities")
        self.fill("Label", "Birds " + HOSTILE)
        browser.find("button", "Make it").click()
        self.row(HOSTILE)
        self.press_in_row(HOSTILE, "Rename")
        browser.find("dialog input").type("Birds")
        browser.find("dialog button", "Rename").click()
        wait_for("the new label", lambda: "Birds" in [r["label"] for r in self.one.json("identity", "list")])
        self.press_in_row("Birds", "Settings")
        self.fill("Mailing list", "Marsh")
        browser.find("dialog button", "Save").click()
        browser.find("tbody .badge", "list: Marsh")
        self.press_in_row("Birds", "Link and QR")
        browser.find("dialog svg")
        self.assertIn("bitmessage:BM-", browser.find("dialog .address").text())
        browser.find("dialog button", "Close").click()
        self.press_in_row("Birds", "Switch off")
        browser.find("tbody .badge", "off")
        self.press_in_row("Birds", "Delete")
        browser.find("dialog button", "Delete for ever").click()
        wait_for("it to be gone", lambda: len(self.one.json("identity", "list")) == 1)

        self.go("chans")
        self.fill("Name", "bogs & birds")
        browser.find("button", "Join").click()
        self.row("bogs & birds")

        self.go("subscriptions")
        self.fill("Address", OTHER)
        self.fill("Label", HOSTILE)
        browser.find("button", "Subscribe").click()
        self.row(HOSTILE)
        self.press_in_row(HOSTILE, "Mute")
        browser.find("tbody .badge", "muted")

        self.go("contacts")
        book = os.path.join(self.one.folder, "book.csv")
        with open(book, "w") as file:
            file.write('address,label\n%s,"%s"\n' % (OTHER, HOSTILE.replace('"', '""')))
        browser.find("summary", "Import").click()
        browser.find("input[type=file]").choose_file(book)
        browser.find("button", "Import").click()
        browser.find("#news", "1 read, 1 of them new")
        self.row(HOSTILE)

        self.go("senders")
        self.fill("Address", OTHER)
        browser.find("button", "Set").click()
        browser.find("tbody .badge", "blocked")
        browser.find("label", "only those").click()
        wait_for("the mode", lambda: self.one.json("account", "list")[0]["senders"] == "allowed")

        for section in SECTIONS:
            self.go(section)
        self.clean()

    def test_the_outbox_is_alive(self):
        browser = self.browser
        self.enter("outbox")
        browser.find(".empty", "Nothing is on its way")
        self.one.send(self.me, OTHER, HOSTILE)
        text = self.row(HOSTILE).text()
        self.assertIn("Alice", text)
        self.assertIn("Waiting", text)
        self.press_in_row(HOSTILE, "Cancel")
        browser.find("dialog button", "Stop sending").click()
        browser.find(".empty", "Nothing is on its way")
        browser.find("label", "also what is").click()
        self.assertIn("Cancelled", self.row(HOSTILE).text())
        self.assertEqual(browser.run("return document.querySelectorAll('#main img, #main script').length"), 0)
        self.clean()

    def test_keys_are_put_under_a_passphrase(self):
        browser = self.browser
        self.enter("overview")
        self.go("safety")
        self.fill("New passphrase", "many words")
        self.fill("Once more", "other words")
        browser.find("button", "Put the keys under it").click()
        browser.find(".error", "not the same")
        self.fill("Once more", "many words")
        browser.find("button", "Put the keys under it").click()
        browser.find(".badge", "unlocked")
        browser.find("button", "Lock now").click()
        browser.find(".badge", "locked")
        self.go("overview")
        self.assertTrue(self.one.status()["lock"]["locked"])
        browser.find(".notice a", "Unlock them").click()
        self.shows("safety")
        self.fill("Passphrase", "many words")
        browser.find("button", "Unlock").click()
        browser.find("summary", "Another passphrase").click()
        self.fill("Passphrase until now", "many words")
        self.fill("New passphrase", "more words")
        self.fill("Once more", "more words")
        browser.find("button", "Change it").click()
        browser.find("#news", "under this passphrase now")
        browser.find("summary", "Take the passphrase away").click()
        browser.run("[...document.querySelectorAll('details[open] label')].find(l => l.textContent === 'Passphrase')"
                    ".control.value = 'more words'")
        browser.find("button", "Take it away").click()
        browser.find("p", "lie open")
        self.assertFalse(self.one.status()["lock"]["set"])

    def test_a_session_that_ended_leads_back_to_the_login(self):
        self.enter("overview")
        self.one.make_account()  # a new password
        self.browser.find("#account")
        self.log_in()
        self.shows("overview")

    def test_what_runs_here_comes_from_here(self):
        browser = self.browser
        self.enter("overview")
        browser.console()
        browser.run("const s = document.createElement('script'); try { s.textContent = 'window.hacked = 1'; } "
                    "catch { } document.body.append(s);")
        self.assertIn("TypeError", browser.run(
            "try { document.body.innerHTML = '<b>x</b>'; return 'taken'; } catch (e) { return String(e); }"))
        self.assertFalse(browser.run("return window.hacked === 1"))
        self.assertTrue(any("Content Security Policy" in m or "TrustedScript" in m for m in browser.console()))

    def test_it_reads_well_everywhere(self):
        for how in ({"width": 1280}, {"width": 500, "height": 900}, {"width": 1280, "dark": True}):
            browser = self.chromium(**how)
            browser.open(self.url)
            browser.find("#account")
            self.assertEqual(browser.run(AUDIT), [], how)
            self.log_in(browser)
            self.shows("overview", browser)
            if how["width"] == 500:
                browser.devtools("Emulation.setDeviceMetricsOverride", width=320, height=640, deviceScaleFactor=1,
                                 mobile=True)
            for section in SECTIONS:
                browser.run("location.hash = '#' + arguments[0]", section)
                self.shows(section, browser)
                self.assertEqual(browser.run(AUDIT), [], (how, section))
                self.assertLessEqual(browser.run(TOO_WIDE), 0, (how, section))
            ground = browser.run("return getComputedStyle(document.body).backgroundColor")
            self.assertEqual(ground, "rgb(20, 25, 26)" if "dark" in how else "rgb(247, 245, 239)")
            browser.close()


if __name__ == "__main__":
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        sys.exit(77)
    harness.main()
