// SPDX-License-Identifier: MIT
import {button, el, form, person, redraw, say, table} from "./dom.js";
import {call} from "./call.js";

export const title = "Senders";

const modes = [["all", "everybody who is not blocked"], ["allowed", "only those who are allowed or known"]];

function choice(current, after) {
  return el("fieldset", {}, el("legend", {}, "Take mail of"), modes.map(([mode, words]) => {
    const id = "mode-" + mode;
    return el("p", {class: "check"},
      el("input", {type: "radio", name: "mode", id, checked: mode === current, "data-key": id, onchange: async () => {
        await call("sender.mode", {mode}).catch(fault => say(fault.message, true));
        await after();
      }}),
      el("label", {for: id}, words));
  }));
}

export async function show(place) {
  const mode = el("div");
  const body = el("div");
  place.append(el("p", {class: "lead"}, "Who may write to you. The blocked go to Junk or nowhere, as the setting [mail] blocked says."),
    mode, body);
  async function refresh() {
    const [rows, [account]] = await Promise.all([call("sender.list"), call("account.list")]);
    redraw(mode, account.senders, () => choice(account.senders, refresh));
    redraw(body, rows, () => table("Rules", [
      {head: "Sender", cell: row => person(row.label, row.address)},
      {head: "Rule", cell: row => [
        el("span", {class: "badge " + (row.rule === "block" ? "failed" : "delivered")},
          row.rule === "block" ? "blocked" : "allowed"),
        row.chan ? el("span", {class: "hint"}, ` in the chan ${row.chan}`) : null]},
      {head: "", cell: row => el("div", {class: "actions"}, button("Forget", async () => {
        await call("sender.set", {address: row.address, rule: "none", chan: row.chan || undefined});
        say("Neither blocked nor allowed any longer.");
        await refresh();
      }, {key: "forget" + row.chan + row.address}))},
    ], rows, {empty: "Nobody is blocked or allowed by name."}));
  }
  await refresh();
  const chans = await call("chan.list");
  place.append(el("h2", {}, "Block or allow a sender"), form([
    {name: "address", label: "Address", required: true, placeholder: "BM-..."},
    {name: "rule", label: "Rule", type: "select", options: [["block", "block"], ["allow", "allow"]]},
    {name: "chan", label: "Where", type: "select",
      options: [["", "everywhere"], ...chans.map(chan => [chan.address, `in the chan ${chan.label}`])]},
  ], "Set", async ({address, rule, chan}) => {
    await call("sender.set", {address, rule, chan: chan || undefined});
    say(rule === "block" ? "Blocked." : "Allowed.");
    await refresh();
  }));
}
