// SPDX-License-Identifier: MIT
import {button, copy, el} from "./dom.js";
import {call} from "./call.js";

export const title = "Mail programs";

const programs = [
  ["Thunderbird", "thunderbird"], ["mutt", "mutt"], ["neomutt", "neomutt"], ["aerc", "aerc"], ["mbsync", "mbsync"],
  ["OfflineIMAP", "offlineimap"], ["msmtp", "msmtp"], ["Apple Mail", "apple-mail"], ["K-9 Mail", "k9"],
];

function facts(rows) {
  return el("dl", {class: "facts"}, rows.flatMap(([name, value]) => [
    el("dt", {}, name),
    el("dd", {}, el("code", {}, String(value)), button("Copy", () => copy(String(value)), {kind: "quiet",
      title: `Copy ${name}`})),
  ]));
}

export async function show(place) {
  const info = await call("setup.info");
  place.append(
    el("p", {class: "lead"}, "Bittern speaks what mail programs speak. Set yours up with these, and the password that you "
      + "logged in with here."),
    el("h2", {}, "Reading: IMAP"),
    facts([["Server", info.host], ["Port", info.imap_port], ["Port with TLS", info.imap_tls_port],
      ["User", info.account]]),
    el("h2", {}, "Sending: SMTP"),
    facts([["Server", info.host], ["Port", info.smtp_port], ["Port with TLS", info.smtp_tls_port],
      ["User", info.account], ["Mail address", info.address || "make an identity first"]]),
    el("h2", {}, "A ready configuration"),
    el("p", {}, "On the command line, ", el("code", {}, "bittern setup PROGRAM"), " prints one for:"),
    el("ul", {class: "programs"}, programs.map(([name, word]) => el("li", {}, name, " ", el("code", {}, word)))),
    el("h2", {}, "The certificate"),
    el("p", {class: "hint"}, "A program that uses TLS asks once whether it may trust this one; compare its SHA-256 "
      + "fingerprint:"),
    el("p", {class: "address"}, info.fingerprint));
}
