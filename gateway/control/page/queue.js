// SPDX-License-Identifier: MIT
import {button, confirmed, el, redraw, say, table} from "./dom.js";
import {call} from "./call.js";
import {span} from "./overview.js";

export const title = "Outbox";

const words = {
  "queued": "Waiting",
  "awaiting-key": "Waiting for the key",
  "working": "At work",
  "held": "Held",
  "sent": "Sent",
  "delivered": "Delivered",
  "failed": "Failed",
  "cancelled": "Cancelled",
};

/** Labels by address: one's own identities and chans, and the address book. */
async function labels() {
  const [own, contacts] = await Promise.all([call("identity.list"), call("contact.list")]);
  return new Map([...contacts, ...own].filter(row => row.label).map(row => [row.address, row.label]));
}

function mail(row, names) {
  const who = (head, address) => el("div", {}, el("span", {class: "hint"}, head + " "),
    names.has(address) ? [names.get(address), " "] : null, el("span", {class: "address"}, address));
  return [el("div", {class: "person"}, el("span", {class: "name"}, row.subject || "(no subject)")),
    who("to", row.to), who("from", row.from)];
}

function state(row) {
  const since = Math.max(0, Date.now() / 1000 - row.since);
  return el("div", {},
    el("span", {class: "badge " + row.state}, words[row.state] ?? row.state),
    el("span", {class: "hint"}, ` for ${span(since)}`),
    row.chance !== undefined
      ? [el("progress", {max: 1, value: row.chance, "aria-label": "proof of work"}),
         el("p", {class: "hint"}, row.progress)] : null,
    row.work && row.chance === undefined && row.state !== "held" ? el("p", {class: "hint"}, row.work) : null,
    row.reason ? el("p", {class: "hint"}, row.reason) : null);
}

function actions(row, after) {
  const act = (name, params, said) => async () => {
    await call(name, params);
    say(said);
    await after();
  };
  const made = [];
  if (row.state === "failed") {
    made.push(button("Try again", act("queue.retry", {id: row.id}, "It is tried again."), {key: "retry" + row.id}));
  }
  if (row.state === "held") {
    made.push(button("Send anyway", act("queue.retry", {id: row.id, force: true}, "It goes to work."),
      {key: "force" + row.id}));
  }
  if (["queued", "awaiting-key", "working", "held"].includes(row.state)) {
    made.push(button("Cancel", async () => {
      if (await confirmed("Stop sending?", `The mail to ${row.to} will not be sent.`, "Stop sending")) {
        await act("queue.cancel", {id: row.id}, "It is not sent.")();
      }
    }, {key: "cancel" + row.id}));
  }
  return el("div", {class: "actions"}, made);
}

/* The gateway answers with a part at a time. */
async function allRows(current) {
  const rows = [];
  for (;;) {
    const part = await call("queue.list", {current, after: rows.length ? rows.at(-1).id : 0});
    if (part.length === 0) {
      return rows;
    }
    rows.push(...part);
  }
}

export async function show(place) {
  const all = el("input", {type: "checkbox", id: "queue-all", onchange: () => refresh()});
  const body = el("div");
  const names = await labels();
  place.append(
    el("p", {class: "lead"}, "What your mail programs handed in, a line for each recipient. Each mail first needs the "
      + "recipient\u2019s key, then some minutes of proof of work."),
    el("p", {class: "check"}, all, el("label", {for: "queue-all"}, "also what is delivered, failed or cancelled")),
    body);
  async function refresh() {
    const rows = await allRows(!all.checked);
    redraw(body, [rows, Math.floor(Date.now() / 60000)], () => table("Outgoing mails", [
      {head: "Mail", cell: row => mail(row, names)},
      {head: "State", cell: state},
      {head: "", cell: row => actions(row, refresh)},
    ], rows.toReversed(), {empty: all.checked ? "Nothing has been sent yet." : "Nothing is on its way."}));
  }
  await refresh();
  return refresh;
}
