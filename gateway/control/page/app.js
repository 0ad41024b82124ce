// SPDX-License-Identifier: MIT
// Logging in, the sections, and the clock that keeps what is shown fresh. A section is a module with a title and
// show(place), which draws it and may return a function that is called every few seconds while one looks at it.
import {el, say} from "./dom.js";
import {call, hasToken, logIn, logOut} from "./call.js";
import * as overview from "./overview.js";
import * as queue from "./queue.js";
import * as identities from "./identities.js";
import * as chans from "./chans.js";
import * as book from "./book.js";
import * as senders from "./senders.js";
import * as programs from "./programs.js";
import * as safety from "./safety.js";

const REFRESH_MS = 3000;

const sections = [
  ["overview", overview],
  ["outbox", queue],
  ["identities", identities],
  ["chans", chans],
  ["subscriptions", book.subscriptions],
  ["contacts", book.contacts],
  ["senders", senders],
  ["programs", programs],
  ["safety", safety],
];

const main = document.getElementById("main");
let shown = null;   // the section that is drawn
let refresh = null; // its function, or null
let isBusy = false;

function sectionOfHash() {
  const name = location.hash.slice(1);
  return sections.find(([id]) => id === name) ?? sections[0];
}

async function showSection(takeFocus) {
  const [id, section] = sectionOfHash();
  shown = id;
  refresh = null;
  document.title = section.title + " \u2013 Bittern";
  for (const link of document.querySelectorAll("#sections a")) {
    if (link.hash === "#" + id) {
      link.setAttribute("aria-current", "page");
      link.scrollIntoView({block: "nearest", inline: "nearest"});
    } else {
      link.removeAttribute("aria-current");
    }
  }
  const place = el("section", {"data-section": id}, el("h1", {}, section.title));
  main.replaceChildren(place);
  if (takeFocus) {
    main.focus({preventScroll: true});
    window.scrollTo(0, 0);
  }
  try {
    const again = await section.show(place);
    if (shown === id && place.isConnected) {
      refresh = again ?? null;
      place.dataset.ready = "yes";
    }
  } catch (fault) {
    say(fault.message, true);
  }
}

/** Not while nobody looks, and never two at a time. */
async function tick() {
  if (refresh === null || isBusy || document.hidden) {
    return;
  }
  isBusy = true;
  try {
    await refresh();
  } catch (fault) {
    say(fault.message, true);
  } finally {
    isBusy = false;
  }
}

function showLogin() {
  refresh = null;
  shown = null;
  main.replaceChildren();
  document.title = "Bittern";
  document.getElementById("app").hidden = true;
  document.getElementById("login").hidden = false;
  for (const box of document.querySelectorAll("dialog")) {
    box.close();
  }
  document.getElementById("account").focus();
}

async function showApp() {
  const [account] = await call("account.list");
  document.getElementById("who").textContent = account.name;
  document.getElementById("login").hidden = true;
  document.getElementById("app").hidden = false;
  await showSection(false);
}

async function onLogin(event) {
  event.preventDefault();
  const {account, password} = event.target.elements;
  const error = document.getElementById("login-error");
  const go = event.target.querySelector("button");
  error.textContent = "";
  go.disabled = true;
  try {
    await logIn(account.value, password.value);
    event.target.reset();
    await showApp();
  } catch (fault) {
    error.textContent = fault.message;
    password.select();
  } finally {
    go.disabled = false;
  }
}

function begin() {
  document.getElementById("sections").append(...sections.map(([id, section]) =>
    el("li", {}, el("a", {href: "#" + id}, section.title))));
  document.getElementById("login-form").addEventListener("submit", onLogin);
  document.getElementById("logout").addEventListener("click", async () => {
    await logOut();
    showLogin();
  });
  document.querySelector(".skip").addEventListener("click", event => {
    event.preventDefault();
    main.focus();
  });
  window.addEventListener("logged-out", () => {
    if (document.getElementById("login").hidden) {
      showLogin();
      say("Log in again, please.");
    }
  });
  window.addEventListener("hashchange", () => {
    if (shown !== null) {
      showSection(true);
    }
  });
  document.addEventListener("visibilitychange", tick);
  setInterval(tick, REFRESH_MS);
}

begin();
if (hasToken()) {
  showApp().catch(fault => {
    showLogin();
    if (fault.status !== 401) {
      say(fault.message, true);
    }
  });
} else {
  showLogin();
}
