// SPDX-License-Identifier: MIT
// The page's parts. Text goes in as text (text nodes, attributes set one by one), never as markup: what
// strangers wrote can't become anything else.

/** el("p", {class: "hint"}, "text", otherElement); a property that begins with "on" is a listener. */
export function el(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

function fill(node, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) {
      node.addEventListener(key.slice(2), value);
    } else if (value === true) {
      node.setAttribute(key, "");
    } else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(key, value);
    }
  }
  node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined));
  return node;
}

/** What has just happened, for eyes and for screen readers. */
let newsTimer = 0;

export function say(text, isError = false) {
  const news = document.getElementById("news");
  news.textContent = text;
  news.classList.toggle("bad", isError);
  clearTimeout(newsTimer);
  newsTimer = setTimeout(() => { news.textContent = ""; }, isError ? 12000 : 5000);
}

/**
 * A button that takes no second press while what it began goes on, and says what went wrong. It is not disabled
 * meanwhile: the focus must find back to it.
 */
export function button(label, act, {kind = "", key = null, title = null} = {}) {
  const one = el("button", {type: "button", class: kind, "data-key": key, title, onclick: async () => {
    if (one.ariaBusy === "true") {
      return;
    }
    one.ariaBusy = "true";
    try {
      await act();
    } catch (fault) {
      say(fault.message, true);
    } finally {
      one.ariaBusy = null;
    }
  }}, label);
  return one;
}

let nextId = 0;

/**
 * A form of labelled fields. A field: {name, label, type = "text", value, required, hint, options, min, max}; type
 * "select" has options [[value, text], ...]. `submit` gets the values; what it throws stands below the fields.
 */
export function form(fields, label, submit, {kind = "primary", clear = true} = {}) {
  const error = el("p", {class: "error", role: "alert"});
  const inputs = {};
  const rows = fields.map(field => {
    const id = "field-" + nextId++;
    const input = inputOf(field, id);
    inputs[field.name] = input;
    const hint = field.hint ? el("span", {class: "hint", id: id + "-hint"}, field.hint) : null;
    if (hint) {
      input.setAttribute("aria-describedby", hint.id);
    }
    return field.type === "checkbox"
      ? el("div", {class: "field check"}, input, el("label", {for: id}, field.label), hint)
      : el("div", {class: "field"}, el("label", {for: id}, field.label), input, hint);
  });
  const go = el("button", {class: kind, type: "submit"}, label);
  const made = el("form", {class: "fields", onsubmit: async event => {
    event.preventDefault();
    error.textContent = "";
    go.disabled = true;
    try {
      await submit(valuesOf(inputs));
      if (clear) {
        made.reset();
      }
    } catch (fault) {
      error.textContent = fault.message;
    } finally {
      go.disabled = false;
    }
  }}, rows, error, el("div", {class: "actions"}, go));
  made.inputs = inputs;
  return made;
}

function inputOf(field, id) {
  const common = {id, name: field.name, required: field.required};
  if (field.type === "select") {
    return el("select", common, field.options.map(([value, text]) =>
      el("option", {value, selected: String(value) === String(field.value)}, text)));
  }
  return el("input", {
    ...common, type: field.type ?? "text", value: field.type === "checkbox" ? null : field.value,
    checked: field.type === "checkbox" && field.value, min: field.min, max: field.max,
    accept: field.accept, autocomplete: field.autocomplete ?? "off", spellcheck: "false",
    autocapitalize: "none", placeholder: field.placeholder,
  });
}

function valuesOf(inputs) {
  const values = {};
  for (const [name, input] of Object.entries(inputs)) {
    if (input.type === "checkbox") {
      values[name] = input.checked;
    } else if (input.type === "number") {
      values[name] = input.value === "" ? undefined : Number(input.value);
    } else {
      values[name] = input.type === "file" ? input.files[0] : input.value;
    }
  }
  return values;
}

/** What is behind a triangle until one wants it. */
export function fold(label, ...children) {
  return el("details", {}, el("summary", {}, label), ...children);
}

/** A window in front of the page; `content` gets a function that closes it. Resolves when it is closed. */
export function dialog(title, content) {
  return new Promise(resolve => {
    const id = "dialog-" + nextId++;
    const box = el("dialog", {"aria-labelledby": id, onclose: () => {
      box.remove();
      resolve();
    }});
    box.append(el("h2", {id}, title), ...[content(() => box.close())].flat());
    document.body.append(box);
    box.showModal();
  });
}

/** Asks before something that can't be undone. */
export async function confirmed(title, text, label) {
  let isSure = false;
  await dialog(title, close => [
    el("p", {}, text),
    el("div", {class: "actions"},
      el("button", {type: "button", onclick: close}, "No, leave it"),
      el("button", {type: "button", class: "danger", onclick: () => { isSure = true; close(); }}, label)),
  ]);
  return isSure;
}

/**
 * A table. A column: {head, cell: row => node or text}, without a head for what can be done. On a narrow screen each row becomes a card, whose lines
 * bear the heads again. More rows than `most` are not drawn: `more` says so.
 */
export function table(caption, columns, rows, {empty, most = 300} = {}) {
  if (rows.length === 0) {
    return el("p", {class: "empty"}, empty);
  }
  const drawn = rows.slice(0, most).map(row => el("tr", {}, columns.map((column, i) => {
    const properties = {"data-head": column.head, scope: i === 0 ? "row" : null};
    return el(i === 0 ? "th" : "td", properties, column.cell(row));
  })));
  return el("div", {class: "scroll"},
    el("table", {},
      el("caption", {class: "unseen"}, caption),
      el("thead", {}, el("tr", {}, columns.map(column =>
        column.head ? el("th", {scope: "col"}, column.head) : el("td", {})))),
      el("tbody", {}, drawn)),
    rows.length > most
      ? el("p", {class: "hint"}, `${rows.length - most} more are not shown: narrow the search.`) : null);
}

/** Replaces what stands in `place`, but not while nothing has changed, and keeps the focus where it was. */
export function redraw(place, data, draw) {
  const now = JSON.stringify(data);
  if (place.drawn === now) {
    return;
  }
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.drawn = now;
  place.replaceChildren(...[draw()].flat().filter(child => child !== null));
  if (focused) {
    [...place.querySelectorAll("[data-key]")].find(one => one.dataset.key === focused)?.focus();
  }
}

export async function copy(text) {
  if (!navigator.clipboard) {
    throw new Error("This browser lets no page copy without TLS: mark the text and copy it by hand.");
  }
  await navigator.clipboard.writeText(text);
  say("Copied.");
}

/** An address, and what it is called. */
export function person(label, address) {
  return el("span", {class: "person"},
    label ? el("span", {class: "name"}, label) : null,
    el("span", {class: "address"}, address));
}

export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], {type}));
  el("a", {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
