// SPDX-License-Identifier: MIT
// Calls of the gateway's table (docs/control.md): a POST each. The session is two keys: the cookie, which no
// script sees, and this token, which no other site's page can send.

const TOKEN = "bittern-token";
let token = null;

try {
  token = localStorage.getItem(TOKEN);
} catch {
  // A browser that keeps nothing: the session ends with the page.
}

function keepToken(value) {
  token = value;
  try {
    if (value === null) {
      localStorage.removeItem(TOKEN);
    } else {
      localStorage.setItem(TOKEN, value);
    }
  } catch {
    // As above.
  }
}

export class CallFault extends Error {
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

async function post(name, params) {
  let response;
  try {
    response = await fetch("/api/" + name, {
      method: "POST",
      headers: {"Content-Type": "application/json", "Bittern-Token": token ?? ""},
      body: JSON.stringify(params),
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch {
    throw new CallFault("closed", "Bittern does not answer. Does it run?", 0);
  }
  const answer = await response.json().catch(() => null);
  if (answer === null) {
    throw new CallFault("internal", "Bittern's answer can't be read (" + response.status + ").", response.status);
  }
  if (answer.error) {
    const words = answer.error.message;
    const wait = response.headers.get("Retry-After");
    const when = wait === null ? "" : ` (${wait} s)`;
    throw new CallFault(answer.error.code, words.charAt(0).toUpperCase() + words.slice(1) + when + ".",
      response.status);
  }
  return answer.result;
}

/** The answer of a call; what is undefined in `params` is left out. */
export async function call(name, params = {}) {
  try {
    return await post(name, params);
  } catch (fault) {
    if (fault.status === 401) {
      keepToken(null);
      window.dispatchEvent(new Event("logged-out"));
    }
    throw fault;
  }
}

export function hasToken() {
  return token !== null;
}

export async function logIn(account, password) {
  const session = await post("login", {account, password});
  keepToken(session.token);
  return session.account;
}

export async function logOut() {
  await post("logout", {}).catch(() => null);
  keepToken(null);
}
