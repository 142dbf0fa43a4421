"""The easel: the photo in colour, on which colour hints are set by a click or a brush, moved and removed one by one.

A component of HTML with a script of its own, which keeps the hints and their history; what it shows and asks for is in
``easel_value`` and ``edited_hints``. All of it works by mouse, by finger and by keyboard.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from colorize.engine import Hint
from colorize.web.controls import page_error
from colorize.web.live_photos import LivePhoto

MAX_TEXT = 200_000  # letters of all hints of one photo
USUAL_COLORS = {
    "#b3202a": "red",
    "#7a1f2b": "wine red",
    "#d9772b": "orange",
    "#e3c04b": "yellow",
    "#4f7d3a": "green",
    "#7fa9d6": "light blue",
    "#2f5aa8": "blue",
    "#1f2f5c": "navy blue",
    "#7a4f9a": "violet",
    "#e3a1b0": "pink",
    "#8a5a36": "brown",
    "#c9a57b": "beige",
    "#dfb196": "skin",
    "#808080": "grey",
}
"""Colours that people name, for the palette."""

TEMPLATE = """
<div class="easel">
  <div class="easel-tools">
  <p class="easel-help" aria-live="polite"></p>
  <div class="easel-bar easel-colors" role="group" aria-label="Colours"></div>
  <div class="easel-bar" role="toolbar" aria-label="Tools">
    <span class="easel-group" role="radiogroup" aria-label="How to colour">
      <button type="button" data-tool="point" role="radio" aria-checked="true">Dot</button>
      <button type="button" data-tool="brush" role="radio" aria-checked="false">Brush</button>
    </span>
    <label class="easel-size" hidden>Size
      <input type="range" min="1" max="10" value="3" aria-label="Brush size"></label>
    <button type="button" data-do="undo" disabled>Undo</button>
    <button type="button" data-do="redo" disabled>Redo</button>
    <button type="button" data-do="remove" disabled>Remove this</button>
    <button type="button" data-do="clear" disabled>Remove all</button>
  </div>
  </div>
  <div class="easel-canvas">
    <img alt="the photo in colour, as it is now">
    <svg tabindex="0" role="application" preserveAspectRatio="none"
      aria-label="The photo. Arrow keys move a cross, Enter puts the colour there."></svg>
  </div>
</div>
"""

SCRIPT = """
const find = (selector) => element.querySelector(selector);
const svg = find("svg"), picture = find("img"), help = find(".easel-help"), canvas = find(".easel-canvas");
const usual = props.usual, root = (window.gradio_config || {}).root || "";
const NS = "http://www.w3.org/2000/svg";
let photo = null, size = [1, 1], hints = [], past = [], future = [], selected = -1, tool = "point";
let color = Object.keys(usual)[0], cross = null, stroke = null, drag = null, timer = null, busy = false, sent = -1;

const parse = (line) => {
  const parts = line.split(","), at = parts.findIndex((part) => part.startsWith("#")), points = [];
  for (let i = 0; i < at; i += 2) points.push([Number(parts[i]), Number(parts[i + 1])]);
  return { points, color: parts[at], radius: parts.length > at + 1 ? Number(parts[at + 1]) : null };
};
const format = (hint) => [...hint.points.flat().map((number) => Math.round(number * 10) / 10), hint.color,
  ...(hint.radius === null ? [] : [Math.round(hint.radius * 10) / 10])].join(",");
const text = (list) => list.map(format).join("\\n");
const inside = ([x, y]) => [Math.min(size[0] - 1, Math.max(0, x)), Math.min(size[1] - 1, Math.max(0, y))];
const scale = () => size[0] / Math.max(1, svg.getBoundingClientRect().width);  // pixels of the photo in one of CSS
const radius = () => Number(find(".easel-size input").value) / 100 * Math.min(...size);
const place = (event) => {
  const box = svg.getBoundingClientRect();
  const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return inside([share[0] * size[0] - .5, share[1] * size[1] - .5]);
};
const say = (text) => { if (help.textContent !== text) help.textContent = text; };
const advise = () => {
  if (busy) return;
  if (selected >= 0) say("This dot is chosen: pick another colour for it, move it, or remove it.");
  else if (!hints.length) say("Pick a colour, then touch the place in the photo that has it.");
  else say("Touch more places, or touch a dot to change it.");
};

const draw = (tag, attributes, parent = svg) => {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return parent.appendChild(made);
};
const show = () => {
  const focused = svg.contains(document.activeElement) && document.activeElement !== svg
    ? Number(document.activeElement.dataset.number) : -1;
  const pixel = scale();
  svg.setAttribute("viewBox", `-.5 -.5 ${size[0]} ${size[1]}`);
  svg.replaceChildren();
  [...hints, ...(stroke ? [stroke] : [])].forEach((hint, number) => {
    const [x, y] = hint.points[0], name = usual[hint.color] || hint.color;
    const group = draw("g", { tabindex: 0, role: "button", class: "easel-hint", "data-number": number,
      "aria-pressed": number === selected,
      "aria-label": `Colour ${number + 1}, ${name}. Arrow keys move it, Delete removes it.` });
    if (hint.points.length > 1) draw("polyline", { points: hint.points.join(" "), stroke: hint.color, fill: "none",
      "stroke-width": 2 * (hint.radius || 2), "stroke-linecap": "round", "stroke-linejoin": "round",
      opacity: hint === stroke ? .6 : .15 }, group);
    draw("circle", { cx: x, cy: y, r: 22 * pixel, fill: "transparent" }, group);  // to be hit by a finger
    const more = number === selected ? 4 : 0;
    for (const [r, fill] of [[12 + more, "#000"], [10.5 + more, "#fff"], [8, hint.color]])
      draw("circle", { cx: x, cy: y, r: r * pixel, fill }, group);
  });
  if (cross) for (const [width, stroke] of [[4, "#000"], [2, "#fff"]]) draw("path", {
    stroke, "stroke-width": width * pixel,
    d: `M ${cross} m ${-16 * pixel} 0 h ${32 * pixel} M ${cross} m 0 ${-16 * pixel} v ${32 * pixel}` });
  if (focused >= 0) (svg.querySelector(`[data-number="${focused}"]`) || svg).focus();
  find("[data-do=undo]").disabled = !past.length;
  find("[data-do=redo]").disabled = !future.length;
  find("[data-do=remove]").disabled = selected < 0;
  find("[data-do=clear]").disabled = !hints.length;
  element.querySelectorAll("[data-tool]").forEach((button) =>
    button.setAttribute("aria-checked", button.dataset.tool === tool));
  find(".easel-size").hidden = tool !== "brush";
  svg.style.touchAction = tool === "brush" ? "none" : "manipulation";
  element.querySelectorAll(".easel-color").forEach((button) =>
    button.setAttribute("aria-pressed", button.dataset.color === color));
  advise();
};
const send = () => {
  clearTimeout(timer);
  const asked = { photo, number: sent = Math.round(performance.now()) };
  timer = setTimeout(() => {
    if (photo !== asked.photo) return;
    busy = true;
    canvas.setAttribute("aria-busy", "true");
    say("Colouring\\u2026");
    // What Gradio sends later, by "always_last", has an earlier event's data. So all are sent, and numbered.
    trigger("input", { hints: text(hints), ...asked });
  }, 10);
};
const change = (next, choice = selected) => {
  past.push(hints);
  if (past.length > 200) past.shift();
  [hints, future, selected] = [next, [], choice < next.length ? choice : -1];
  show();
  send();
};
const step = (from, to) => {
  if (!from.length) return;
  to.push(hints);
  [hints, selected] = [from.pop(), -1];
  show();
  send();
};
const remove = (number) => change(hints.filter((_, index) => index !== number), -1);
const move = (number, by) => change(hints.map((hint, index) => index !== number ? hint
  : { ...hint, points: hint.points.map(([x, y]) => inside([x + by[0], y + by[1]])) }));
const choose = (next) => {
  color = next;
  if (selected >= 0) change(hints.map((hint, index) => index === selected ? { ...hint, color } : hint));
  else show();
};
const actions = { undo: () => step(past, future), redo: () => step(future, past), remove: () => remove(selected),
  clear: () => change([], -1) };

const swatch = (value, name) => {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "easel-color", title: name });
  button.dataset.color = value;
  button.style.background = value;
  button.setAttribute("aria-label", name);
  button.onclick = () => choose(value);
  return button;
};
const fill = (palette) => {
  const bar = find(".easel-colors"), group = (name, colors) => {
    const made = document.createElement("span");
    made.className = "easel-group";
    made.setAttribute("role", "group");
    made.setAttribute("aria-label", name);
    const label = Object.assign(document.createElement("span"), { className: "easel-name", textContent: name });
    made.append(label, ...colors);
    return made;
  };
  const own = Object.assign(document.createElement("input"), { type: "color", value: color });
  own.setAttribute("aria-label", "Any other colour");
  own.oninput = () => { color = own.value; };
  own.onchange = () => choose(own.value);
  const other = document.createElement("label");
  other.className = "easel-other";
  other.append("Other", own);
  bar.replaceChildren(
    ...(palette.length ? [group("In this photo", palette.map((value) => swatch(value, `this photo's ${value}`)))] : []),
    group("Colours", [...Object.entries(usual).map(([value, name]) => swatch(value, name)), other]));
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || button.disabled) return;
  if (button.dataset.do) actions[button.dataset.do]();
  if (button.dataset.tool) { [tool, selected] = [button.dataset.tool, -1]; show(); }
});
svg.addEventListener("pointerdown", (event) => {
  if (!photo || event.button) return;
  const group = event.target.closest(".easel-hint"), at = place(event);
  if (group) drag = { number: Number(group.dataset.number), from: at, before: hints, moved: false };
  else if (tool === "brush") stroke = { points: [at], color, radius: radius() };
  else drag = { number: -1, at: [event.clientX, event.clientY] };
  cross = null;
  if (group || stroke) { svg.setPointerCapture(event.pointerId); event.preventDefault(); }
});
svg.addEventListener("pointermove", (event) => {
  const at = place(event);
  if (stroke) {
    const last = stroke.points[stroke.points.length - 1];
    const far = Math.hypot(at[0] - last[0], at[1] - last[1]) >= stroke.radius / 2;
    if (far && stroke.points.length < 200) stroke.points.push(at);
    show();
  } else if (drag && drag.number >= 0) {
    const by = [at[0] - drag.from[0], at[1] - drag.from[1]];
    if (!drag.moved && Math.hypot(...by) < 4 * scale()) return;
    drag.moved = true;
    hints = drag.before.map((hint, index) => index !== drag.number ? hint
      : { ...hint, points: hint.points.map(([x, y]) => inside([x + by[0], y + by[1]])) });
    show();
  }
});
svg.addEventListener("pointerup", (event) => {
  if (stroke) {
    const made = stroke;
    stroke = null;
    change([...hints, made], -1);
  } else if (drag && drag.number >= 0) {
    const { number, before, moved } = drag, after = hints;
    drag = null;
    if (moved) { hints = before; change(after); }
    else { selected = selected === number ? -1 : number; if (selected >= 0) color = hints[number].color; show(); }
  } else if (drag && Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]) < 8) {
    change([...hints, { points: [place(event)], color, radius: null }], -1);
  }
  drag = null;
});
svg.addEventListener("pointercancel", () => {
  if (drag && drag.before) hints = drag.before;
  drag = stroke = null;
  show();
});
svg.addEventListener("keydown", (event) => {
  if (!photo) return;
  const far = Math.max(1, Math.min(...size) * (event.shiftKey ? .005 : .025));
  const by = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
  const number = event.target === svg ? -1 : Number(event.target.dataset.number);
  if (by && number >= 0) move(number, by);
  else if (by) { cross = inside(cross ? [cross[0] + by[0], cross[1] + by[1]] : [size[0] / 2, size[1] / 2]); show(); }
  else if ((event.key === "Delete" || event.key === "Backspace") && number >= 0) { remove(number); svg.focus(); }
  else if (event.key === "Enter" || event.key === " ") {
    if (number >= 0) { selected = selected === number ? -1 : number; show(); }
    else if (cross) change([...hints, { points: [cross], color, radius: null }], -1);
    else { cross = [size[0] / 2, size[1] / 2]; show(); }
  } else return;
  event.preventDefault();
});
svg.addEventListener("blur", () => setTimeout(() => { if (cross) { cross = null; show(); } }));
element.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey)) return;
  const key = event.key.toLowerCase(), redo = key === "y" || (key === "z" && event.shiftKey);
  if (!redo && key !== "z") return;
  event.preventDefault();
  redo ? step(future, past) : step(past, future);
});
new ResizeObserver(show).observe(svg);

const take = () => {
  const value = props.value;
  if (value && !value.error && value.photo === photo && value.number < sent) return;  // a later answer will come
  busy = false;
  canvas.removeAttribute("aria-busy");
  help.classList.toggle("bad", Boolean(value && value.error));
  if (value && value.error) { say(value.error); return; }
  if (!value) { [photo, hints, sent] = [null, [], -1]; show(); return; }
  if (value.photo !== photo) {
    [photo, size, hints, past, future, selected, cross] = [value.photo, value.size, [], [], [], -1, null];
    sent = -1;
    svg.setAttribute("viewBox", `-.5 -.5 ${size[0]} ${size[1]}`);
    fill(value.palette);
  }
  const given = value.hints.map(parse);
  if (text(given) !== text(hints)) {
    if (hints.length) past.push(hints);
    [hints, future, selected] = [given, [], -1];
  }
  picture.src = `${root}/gradio_api/file=${value.picture}`;
  show();
};
watch("value", take);
take();
"""


def easel(elem_id: str = "easel") -> gr.HTML:
    """Add an easel; its event ``input`` says that the visitor has changed the hints."""
    return gr.HTML(
        None, html_template=TEMPLATE, js_on_load=SCRIPT, apply_default_css=False, usual=USUAL_COLORS, elem_id=elem_id
    )


def easel_value(upload: Path, photo: LivePhoto, picture: Path, hints: Sequence[Hint], number: int) -> dict[str, Any]:
    """Return what the easel is to show.

    Args:
        upload: Of the photo; with another one the easel begins anew. (``easel_photo`` is its name there.)
        photo: Its size and palette.
        picture: It in colour.
        hints: That the picture shows.
        number: Of the last of the easel's edits that they include; an easel that has sent a later one waits for the
            answer to that.
    """
    height, width = photo.size
    return {
        "photo": easel_photo(upload),
        "size": [width, height],
        "palette": photo.palette,
        "picture": str(picture),
        "hints": [str(hint) for hint in hints],
        "number": number,
        "turn": secrets.token_hex(4),  # so that the easel hears of every answer, though it be the same
    }


def easel_photo(upload: Path) -> str:
    """Return how the easel calls a photo."""
    return upload.parent.name


def easel_error(message: str) -> dict[str, Any]:
    """Return what the easel says in a line in place of an answer; all else of it stays as it is."""
    return {"error": message, "turn": secrets.token_hex(4)}


def edited_hints(event: gr.EventData) -> tuple[str, str, int]:
    """Return the photo of the easel's event, its hints as text, one a line, and its number, higher for later ones.

    Raises:
        gr.Error: A client sent something else.
    """
    try:
        photo, text, number = event.photo, event.hints, event.number
    except (AttributeError, TypeError):
        photo = text = number = None
    if not isinstance(photo, str) or not isinstance(text, str) or len(text) > MAX_TEXT or not isinstance(number, int):
        raise page_error("these are no colour hints; load the page again")
    return photo, text, number


def read_hint_lines(text: str | None) -> list[Hint]:
    """Return the hints of a text, one a line as ``Hint.parse`` reads it; empty lines are skipped.

    Raises:
        gr.Error: A line is not a hint.
    """
    try:
        return [Hint.parse(line) for line in (text or "").splitlines() if line.strip()]
    except ValueError as error:
        raise page_error(str(error)) from error
