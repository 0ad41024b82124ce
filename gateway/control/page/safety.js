// SPDX-License-Identifier: MIT
// The lock of the keys, and copies of everything. The lock is shown where the gateway has one.
import {button, confirmed, el, fold, form, redraw, say} from "./dom.js";
import {call} from "./call.js";

export const title = "Safety";

/** The answer, or null where there is no such call, or it is for another. */
async function ask(name) {
  try {
    return await call(name);
  } catch (fault) {
    if (fault.code === "unsupported" || fault.code === "denied") {
      return null;
    }
    throw fault;
  }
}

// ---- the lock

const secret = (name, label, isNew = false) => ({name, label, type: "password", required: true,
  autocomplete: isNew ? "new-password" : "current-password"});

function done(words, after) {
  return async () => {
    say(words);
    await after();
  };
}

function setter(after) {
  return form([
    secret("passphrase", "Passphrase", true), secret("again", "Once more", true),
  ], "Put the keys under it", async ({passphrase, again}) => {
    if (passphrase !== again) {
      throw new Error("The two are not the same.");
    }
    await call("lock.set", {passphrase});
    await done("The keys are under a passphrase now.", after)();
  });
}

function remover(after) {
  return fold("Take the passphrase away", form([secret("passphrase", "Passphrase")], "Take it away",
    async ({passphrase}) => {
      await call("lock.remove", {passphrase});
      await done("The keys need no passphrase any longer.", after)();
    }, {kind: "danger"}));
}

function drawLock(lock, after) {
  if (!lock.has_passphrase) {
    return [
      el("p", {}, "The private keys lie open in the home folder. Under a passphrase, whoever gets hold of the disk can\u2019t "
        + "use them; after each start somebody has to unlock them."),
      setter(after),
    ];
  }
  if (lock.locked) {
    return [
      el("p", {}, el("span", {class: "badge held"}, "locked"), " Mail waits until the keys are unlocked."),
      form([secret("passphrase", "Passphrase")], "Unlock", async ({passphrase}) => {
        await call("lock.unlock", {passphrase});
        await done("Unlocked.", after)();
      }),
    ];
  }
  return [
    el("p", {}, el("span", {class: "badge delivered"}, "unlocked"), " The keys are in memory until they are locked or Bittern "
      + "stops."),
    el("div", {class: "actions"}, button("Lock now", async () => {
      await call("lock.lock");
      await done("Locked.", after)();
    }, {key: "lock"})),
    remover(after),
  ];
}

// ---- copies

function drawBackup(key, after) {
  const how = el("dl", {class: "facts wide"},
    el("dt", {}, "Copy it elsewhere"), el("dd", {}, el("code", {}, "bittern backup FILE")),
    el("dt", {}, "A new recovery key"), el("dd", {}, el("code", {}, "bittern recovery-key --new")),
    el("dt", {}, "Put a copy back"), el("dd", {}, el("code", {}, "bittern restore FILE")),
    el("dt", {}, "From PyBitmessage"), el("dd", {}, el("code", {}, "bittern import pybitmessage DIR")));
  if (key === null) {
    return [el("p", {}, "Copies of all accounts are made by the owner of this Bittern:"), how];
  }
  return [
    key.exists
      ? el("p", {}, "Everything is copied by itself, sealed to the recovery key that was shown once at the first start. "
        + "Without that key a copy opens for nobody.")
      : el("p", {}, "There is no recovery key yet, so no copies are made. Make one on the command line and write it down."),
    el("div", {class: "actions"}, button("Make a copy now", async () => {
      if (await confirmed("Make a copy now?", "It is put beside the automatic ones, in the home folder.", "Make it")) {
        const copy = await call("backup.make");
        await done(`Made: ${copy.path}`, after)();
      }
    }, {key: "backup", kind: key.exists ? "" : "quiet"})),
    how,
  ];
}

export async function show(place) {
  const lock = el("div");
  const backup = el("div");
  const head = el("h2", {hidden: true}, "Lock");
  place.append(head, lock, el("h2", {}, "Copies"), backup);
  async function refresh() {
    const [state, key] = await Promise.all([ask("lock.status"), ask("recovery_key.show")]);
    head.hidden = state === null;
    redraw(lock, state, () => state === null ? [] : drawLock(state, refresh));
    redraw(backup, key ?? false, () => drawBackup(key, refresh));
  }
  await refresh();
  return refresh;
}
