// SPDX-License-Identifier: MIT
import {el, redraw} from "./dom.js";
import {call} from "./call.js";

export const title = "Overview";

const colours = {
  green: ["Connected", "Other nodes reach this one from outside: the best there is."],
  yellow: ["Connected", "Nobody has reached this node from outside yet. Mail goes both ways all the same; with port "
    + "forwarding it helps the network more."],
  red: ["Not connected", "No other node is there. Mail waits in the outbox until one is."],
};

const states = [
  ["queued", "waiting"], ["awaiting-key", "waiting for a key"], ["working", "at work"], ["held", "held"],
  ["sent", "sent"], ["delivered", "delivered"], ["failed", "failed"],
];

function number(value) {
  return Math.round(value ?? 0).toLocaleString();
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (value = value ?? 0; value >= 1024 && unit < units.length - 1; unit++) {
    value /= 1024;
  }
  return (unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)) + " " + units[unit];
}

export function span(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  const [size, name] = units.find(([least]) => seconds >= least) ?? [1, "s"];
  return Math.round(seconds / size) + " " + name;
}

function card(head, big, ...lines) {
  return el("div", {class: "card"}, el("h2", {}, head), el("p", {class: "big"}, big),
    lines.filter(line => line).map(line => el("p", {class: "hint"}, line)));
}

function light(status) {
  const isStarting = !status.ready || !status.node.connected;
  const [head, words] = isStarting ? ["Starting", "The node is coming up."] : colours[status.colour];
  return el("div", {class: "light " + (isStarting ? "red" : status.colour)},
    el("span", {class: "lamp", "aria-hidden": "true"}),
    el("div", {}, el("p", {class: "big"}, head), el("p", {class: "hint"}, words)));
}

/** Where keys are under a passphrase, and nobody has unlocked them. */
function locked(lock) {
  if (lock?.lost > 0) {
    return el("p", {class: "notice"}, `What opens the keys of ${lock.lost} of the identities is lost: go back to a backup `
      + "that has it.");
  }
  return lock?.locked ? el("p", {class: "notice"}, "The keys are locked: mail you send waits. ",
    el("a", {href: "#safety"}, "Unlock them")) : null;
}

function network(node) {
  const peers = (node.peers_in ?? 0) + (node.peers_out ?? 0);
  return card("Network", `${peers} peer${peers === 1 ? "" : "s"}`,
    `${node.peers_out ?? 0} out, ${node.peers_in ?? 0} in; ${number(node.known_peers)} known`,
    peers === 0 ? null : node.syncing ? `catching up: ${Math.floor(node.sync_percent ?? 0)} %` : "up to date",
    `${bytes(node.rate_in)}/s in, ${bytes(node.rate_out)}/s out`);
}

function store(node) {
  return card("Inventory", number(node.objects), `objects, ${bytes(node.object_bytes)}`,
    node.disk_failing ? "the disk is full or broken" : null);
}

function outgoing(queue) {
  const open = ["queued", "awaiting-key", "working", "held"].reduce((sum, state) => sum + queue[state], 0);
  const parts = states.filter(([state]) => queue[state] > 0).map(([state, words]) => `${queue[state]} ${words}`);
  return card("Outgoing", open === 0 ? "nothing waits" : `${open} on the way`,
    parts.length > 0 ? parts.join(", ") : "no mail has been sent yet");
}

function work(pow) {
  const gpu = pow.gpu.state === "absent" ? null : `graphics processor: ${pow.gpu.device} (${pow.gpu.state})`;
  const left = pow.jobs > 0 && pow.left !== null && pow.left !== undefined ? `about ${span(pow.left)} left` : null;
  return card("Proof of work", pow.jobs === 0 ? "idle" : `${pow.jobs} job${pow.jobs === 1 ? "" : "s"}`, left,
    pow.trials_per_second > 0 ? `${(pow.trials_per_second / 1e6).toFixed(1)} million trials a second` : null,
    `${pow.kernel}, ${pow.threads} thread${pow.threads === 1 ? "" : "s"}`, gpu);
}

function incoming(one) {
  return card("Incoming", number(one.received), "messages since the start",
    one.waiting > 0 ? `${number(one.waiting)} objects to look through` : "all objects looked through");
}

function room(account) {
  const limit = account.quota_bytes > 0 ? ` of ${bytes(account.quota_bytes)}` : "";
  return card("Your mailbox", number(account.messages), `mails, ${bytes(account.bytes)}${limit}`,
    `${account.identities} identit${account.identities === 1 ? "y" : "ies"}`);
}

export async function show(place) {
  const body = el("div");
  place.append(body);
  async function refresh() {
    const [status, [account]] = await Promise.all([call("status"), call("account.list")]);
    redraw(body, [status, account], () => [
      light(status),
      locked(status.lock),
      el("div", {class: "cards"}, network(status.node), outgoing(status.queue), work(status.pow),
        incoming(status.incoming), store(status.node), room(account)),
      el("p", {class: "hint foot"}, `Bittern ${status.version}. Sandbox: ${status.sandbox}.`),
    ]);
  }
  await refresh();
  return refresh;
}
