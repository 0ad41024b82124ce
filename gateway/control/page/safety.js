// SPDX-License-Identifier: MIT
// The lock of the keys, and copies of everything. The lock is shown where the gateway has one.
import {button, confirmed, el, fold, form, redraw, say} from "./dom.js";
import {call} from "./call.js";

export const title = "Safety";

// ---- the lock

const secret = (name, label, isNew = false) => ({name, label, type: "password", required: true,
  autocomplete: isNew ? "new-password" : "current-password"});

function done(words, after) {
  return async () => {
    say(words);
    await after();
  };
}

/** Sets a passphrase, or (`old`) another one. */
function setter(label, old, after) {
  return form([
    ...(old ? [secret("old_passphrase", "Passphrase until now")] : []),
    secret("passphrase", "New passphrase", true), secret("again", "Once more", true),
  ], label, async ({old_passphrase, passphrase, again}) => {
    if (passphrase !== again) {
      throw new Error("The two are not the same.");
    }
    await call("lock.set", {passphrase, old_passphrase});
    await done("The keys are under this passphrase now.", after)();
  });
}

function remover(after) {
  return form([secret("passphrase", "Passphrase")], "Take it away", async ({passphrase}) => {
    await call("lock.remove", {passphrase});
    await done("The keys need no passphrase any longer.", after)();
  }, {kind: "danger"});
}

const extents = {
  signing: "While they are locked mail arrives as ever, and what is sent waits.",
  all: "While they are locked what arrives is kept unread, and what is sent waits.",
};

function drawOpen(after) {
  return [
    el("p", {}, "The private keys lie open in the home folder. Under a passphrase, who gets hold of the disk can\u2019t use "
      + "them; after each start somebody has to unlock them."),
    setter("Put the keys under it", false, after),
  ];
}

function drawLocked(lock, after) {
  return [
    el("p", {}, el("span", {class: "badge held"}, "locked"), ` ${extents[lock.extent]}`),
    lock.kept.objects > 0 ? el("p", {class: "hint"}, `${lock.kept.objects} messages are kept until then.`) : null,
    form([secret("passphrase", "Passphrase")], "Unlock", async ({passphrase}) => {
      await call("lock.unlock", {passphrase});
      await done("Unlocked.", after)();
    }),
  ];
}

function drawUnlocked(lock, after) {
  return [
    el("p", {}, el("span", {class: "badge delivered"}, "unlocked"),
      ` The keys are in memory until they are locked or Bittern stops. ${extents[lock.extent]}`),
    el("div", {class: "actions"}, button("Lock now", async () => {
      await call("lock.lock");
      await done("Locked.", after)();
    }, {key: "lock"})),
    fold("Another passphrase", setter("Change it", true, after)),
    fold("Take the passphrase away", remover(after)),
  ];
}

/** Nothing can be set, changed or removed then. */
function drawLost(lock) {
  return [
    el("p", {}, el("span", {class: "badge failed"}, "lost"), ` The database no longer has what opens the keys of ${lock.lost} `
      + "of the identities. A backup has it:"),
    el("p", {}, el("code", {}, "bittern restore FILE")),
  ];
}

function drawLock(lock, after) {
  if (!lock.set) {
    return drawOpen(after);
  }
  if (lock.lost === lock.sealed) {
    return drawLost(lock);
  }
  return lock.locked ? drawLocked(lock, after) : drawUnlocked(lock, after);
}

// ---- copies

function drawBackup(key) {
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
        say(`Made: ${copy.path}`);
      }
    }, {key: "backup", kind: key.exists ? "" : "quiet"})),
    how,
  ];
}

/** Whether there is a recovery key; null where that is another's affair. */
async function askKey() {
  try {
    return await call("recovery_key.show");
  } catch (fault) {
    if (fault.code === "denied") {
      return null;
    }
    throw fault;
  }
}

export async function show(place) {
  const locks = el("div");
  const backup = el("div");
  const head = el("h2", {hidden: true}, "Lock");
  place.append(head, locks, el("h2", {}, "Copies"), backup);
  backup.append(...drawBackup(await askKey()));
  async function refresh() {
    const {lock = null} = await call("status");
    head.hidden = lock === null;
    // Not for each new count: somebody may be typing.
    redraw(locks, lock && [lock.set, lock.locked], () => lock === null ? [] : drawLock(lock, refresh));
  }
  await refresh();
  return refresh;
}
