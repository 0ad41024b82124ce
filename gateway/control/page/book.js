// SPDX-License-Identifier: MIT
// The address book, and whose broadcasts are received.
import {button, confirmed, el, fold, form, person, redraw, save, say, table} from "./dom.js";
import {call} from "./call.js";

const LINK_HINT = "BM-... or a bitmessage: link";

function adder(name, what, after) {
  return form([
    {name: "address", label: "Address", required: true, placeholder: LINK_HINT},
    {name: "label", label: "Label"},
  ], what, async ({address, label}) => {
    await call(name, {address, label: label || undefined});
    say("Added.");
    await after();
  });
}

// ---- subscriptions

async function showSubscriptions(place) {
  const body = el("div");
  place.append(el("p", {class: "lead"}, "The broadcasts of these addresses arrive in folders below Subscriptions."), body);
  async function refresh() {
    const rows = await call("subscription.list");
    redraw(body, rows, () => table("Subscriptions", [
      {head: "Sender", cell: row => [person(row.label, row.address),
        row.muted ? el("span", {class: "badge"}, "muted") : null]},
      {head: "", cell: row => el("div", {class: "actions"},
        button(row.muted ? "Hear again" : "Mute", async () => {
          await call("subscription.mute", {address: row.address, muted: !row.muted});
          await refresh();
        }, {key: "mute" + row.address}),
        button("Unsubscribe", async () => {
          if (await confirmed("Unsubscribe?", `The folder of ${row.label || row.address} goes with its mails.`,
            "Unsubscribe")) {
            await call("subscription.remove", {address: row.address});
            say("Unsubscribed.");
            await refresh();
          }
        }, {key: "remove" + row.address, kind: "quiet danger"}))},
    ], rows, {empty: "There are none."}));
  }
  await refresh();
  place.append(el("h2", {}, "Subscribe"), adder("subscription.add", "Subscribe", refresh));
}

// ---- contacts

function matches(row, words) {
  const text = (row.label + " " + row.address).toLowerCase();
  return words.every(word => text.includes(word));
}

function files(after) {
  const load = form(
    [{name: "file", label: "A vCard or CSV file", type: "file", required: true, accept: ".vcf,.vcard,.csv,text/*"}],
    "Import", async ({file}) => {
      const answer = await call("contact.import", {data: await file.text()});
      say(`${answer.read} read, ${answer.new} of them new.`);
      await after();
    });
  const store = (form_, name, type) => async () =>
    save(name, type, (await call("contact.export", {form: form_})).data);
  return fold("Import and export", load, el("div", {class: "actions"},
    button("Export as vCard", store("vcard", "bittern.vcf", "text/vcard")),
    button("Export as CSV", store("csv", "bittern.csv", "text/csv"))));
}

async function showContacts(place) {
  const body = el("div");
  const search = el("input", {type: "search", id: "contact-search", placeholder: "Search", "aria-label": "Search contacts",
    oninput: () => draw()});
  let rows = [];
  function draw() {
    const words = search.value.toLowerCase().split(/\s+/).filter(word => word);
    const found = rows.filter(row => matches(row, words));
    redraw(body, found, () => table("Contacts", [
      {head: "Contact", cell: row => person(row.label, row.address)},
      {head: "", cell: row => el("div", {class: "actions"},
        button("Remove", async () => {
          if (await confirmed("Remove this contact?", row.label || row.address, "Remove")) {
            await call("contact.remove", {address: row.address});
            await refresh();
          }
        }, {key: "remove" + row.address, kind: "quiet danger"}))},
    ], found, {empty: rows.length === 0 ? "The address book is empty." : "No contact is called so."}));
  }
  async function refresh() {
    rows = await call("contact.list");
    search.hidden = rows.length < 8;
    draw();
  }
  place.append(el("p", {class: "lead"}, "Write to a contact under its label: alice@bm.alt. Contacts need to do no more work "
    + "than the network asks for."), search, body);
  await refresh();
  place.append(el("h2", {}, "Add a contact"), adder("contact.add", "Add", refresh), files(refresh));
}

export const subscriptions = {title: "Subscriptions", show: showSubscriptions};
export const contacts = {title: "Contacts", show: showContacts};
