// SPDX-License-Identifier: MIT
import {button, confirmed, copy, dialog, el, fold, form, person, redraw, say, svg, table} from "./dom.js";
import {call} from "./call.js";

export const title = "Identities";

const DAY = 86400;
const QUIET = 4; // light modules around a QR code

const lifetimes = [[0, "as the settings say"], [3600, "1 hour"], [12 * 3600, "12 hours"], [DAY, "1 day"], [2 * DAY, "2 days"], [4 * DAY, "4 days"],
  [7 * DAY, "1 week"], [14 * DAY, "2 weeks"], [28 * DAY, "4 weeks"]];

function lifetimeOptions(ttl) {
  const known = lifetimes.some(([value]) => value === ttl);
  return known ? lifetimes : [[ttl, `${(ttl / DAY).toFixed(1)} days`], ...lifetimes];
}

function drawCode(rows) {
  const side = rows.length + 2 * QUIET;
  const path = rows.flatMap((row, y) => [...row].map((module, x) =>
    module === "1" ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "")).join("");
  return svg("svg", {viewBox: `0 0 ${side} ${side}`, class: "qr", role: "img", "aria-label": "QR code"},
    svg("rect", {width: side, height: side, fill: "#fff"}), svg("path", {d: path, fill: "#000"}));
}

/** Its link, as text and as a code: what one gives to others. */
export async function showLink(row) {
  const code = await call("identity.qr", {address: row.address});
  await dialog(row.label || row.address, close => [
    drawCode(code.rows),
    el("p", {class: "address"}, code.link),
    el("div", {class: "actions"},
      button("Copy the link", () => copy(code.link)),
      button("Copy the mail address", () => copy(row.mail_address)),
      el("button", {type: "button", class: "primary", onclick: close}, "Close")),
  ]);
}

export async function rename(row, after) {
  await dialog("Rename", close => form(
    [{name: "label", label: "New label", value: row.label, required: true}], "Rename", async ({label}) => {
      await call("identity.rename", {address: row.address, label});
      close();
      say("Renamed.");
      await after();
    }));
}

async function edit(row, after) {
  await dialog(`Settings of ${row.label || row.address}`, close => form([
    {name: "ttl", label: "Its mails live for", type: "select", value: row.ttl, options: lifetimeOptions(row.ttl),
      hint: "Longer means more proof of work, and that the recipient may come later."},
    {name: "acks", label: "Acknowledge what arrives", type: "checkbox", value: row.acks},
    {name: "list", label: "Mailing list of this name", value: row.list,
      hint: "What arrives is broadcast again to all subscribers. Empty: it is no list."},
    {name: "trials_per_byte", label: "Work asked of strangers: trials for each byte", type: "number", min: 1,
      value: row.trials_per_byte},
    {name: "extra_bytes", label: "... and for so many bytes more", type: "number", min: 1, value: row.extra_bytes},
  ], "Save", async values => {
    await call("identity.set", {address: row.address, ...values, ttl: Number(values.ttl)});
    close();
    say("Saved.");
    await after();
  }, {clear: false}));
}

async function remove(row, after) {
  if (await confirmed("Delete this identity?", `${row.label || row.address} and its keys are gone for ever. Mail to it `
    + "can never be read again. To receive nothing for a while, switch it off instead.", "Delete for ever")) {
    await call("identity.delete", {address: row.address});
    say("Deleted.");
    await after();
  }
}

function actions(row, after) {
  const key = name => ({key: name + row.address});
  return el("div", {class: "actions"},
    button("Link and QR", () => showLink(row), key("link")),
    button("Rename", () => rename(row, after), key("rename")),
    button("Settings", () => edit(row, after), key("edit")),
    button(row.enabled ? "Switch off" : "Switch on", async () => {
      await call("identity.enable", {address: row.address, enabled: !row.enabled});
      say(row.enabled ? "Nothing arrives for it any more." : "It receives again.");
      await after();
    }, key("enable")),
    button("Delete", () => remove(row, after), {...key("delete"), kind: "quiet danger"}));
}

function badges(row) {
  return el("div", {class: "badges"},
    row.enabled ? null : el("span", {class: "badge failed"}, "off"),
    row.list ? el("span", {class: "badge"}, `list: ${row.list}`) : null,
    row.acks ? null : el("span", {class: "badge"}, "no acknowledgements"));
}

function makers(after) {
  const made = async params => {
    const answer = await call("identity.new", params);
    say(answer.addresses?.length > 1 ? `${answer.addresses.length} identities made.` : `Made: ${answer.address}`);
    await after();
  };
  return [
    el("h2", {}, "A new identity"),
    form([{name: "label", label: "Label", required: true, placeholder: "Alice"}], "Make it",
      ({label}) => made({label})),
    fold("From a passphrase, or a shorter address",
      el("p", {class: "hint"}, "The same passphrase always makes the same addresses, here and in PyBitmessage: it is a "
        + "backup in the head, and whoever guesses it reads your mail."),
      form([
        {name: "label", label: "Label", required: true},
        {name: "passphrase", label: "Passphrase (empty: a random identity)", type: "password",
          autocomplete: "new-password"},
        {name: "version", label: "Address version", type: "select", value: 4, options: [[4, "4"], [3, "3"]]},
        {name: "number", label: "How many", type: "number", min: 1, max: 999, value: 1},
        {name: "short", label: "A character or two shorter (takes minutes)", type: "checkbox"},
      ], "Make it", ({label, passphrase, version, number, short}) => made({
        label, passphrase: passphrase || undefined, version: Number(version),
        number: passphrase ? number : undefined, short: short || undefined,
      }))),
  ];
}

export async function show(place) {
  const body = el("div");
  place.append(el("p", {class: "lead"}, "Your addresses. Each receives on its own, and nobody can tell that they belong "
    + "together."), body);
  async function refresh() {
    const rows = (await call("identity.list")).filter(row => row.kind === "identity");
    redraw(body, rows, () => table("Identities", [
      {head: "Identity", cell: row => [person(row.label, row.address), badges(row)]},
      {head: "", cell: row => actions(row, refresh)},
    ], rows, {empty: "There is none yet."}));
  }
  await refresh();
  place.append(...makers(refresh));
}
