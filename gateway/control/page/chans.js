// SPDX-License-Identifier: MIT
import {button, confirmed, el, fold, form, person, redraw, say, table} from "./dom.js";
import {call} from "./call.js";
import {rename, showLink} from "./identities.js";

export const title = "Chans";

async function leave(row, after) {
  if (await confirmed("Leave this chan?", `The folder of ${row.label} and the mails in it go with it. Who knows its name can `
    + "join again.", "Leave")) {
    await call("chan.leave", {address: row.address});
    say("Left.");
    await after();
  }
}

function actions(row, after) {
  return el("div", {class: "actions"},
    button("Link and QR", () => showLink(row), {key: "link" + row.address}),
    button("Rename", () => rename(row, after), {key: "rename" + row.address}),
    button("Leave", () => leave(row, after), {key: "leave" + row.address, kind: "quiet danger"}));
}

export async function show(place) {
  const body = el("div");
  place.append(el("p", {class: "lead"}, "A chan is an address whose key all members make from its name: whoever knows the "
    + "name reads and writes there. In the mail program it is a folder below Chans; write to its address to post."), body);
  async function refresh() {
    const rows = await call("chan.list");
    redraw(body, rows, () => table("Chans", [
      {head: "Chan", cell: row => person(row.label, row.address)},
      {head: "", cell: row => actions(row, refresh)},
    ], rows, {empty: "You are in none."}));
  }
  const join = async ({name, address, label}) => {
    await call("chan.join", {name, address: address || undefined, label: label || undefined});
    say("Joined. What is still in the network arrives now.");
    await refresh();
  };
  await refresh();
  place.append(
    el("h2", {}, "Join or make a chan"),
    form([{name: "name", label: "Name", required: true, placeholder: "general"}], "Join", join),
    fold("With its address, or under another label",
      form([
        {name: "name", label: "Name", required: true},
        {name: "address", label: "Address", placeholder: "BM-...",
          hint: "When it is given, it must be the one that the name makes."},
        {name: "label", label: "Label of its folder"},
      ], "Join", join)));
}
