"""The page's theme and CSS, and a script that makes it usable with keyboards and screen readers.

Nothing is loaded from another machine.
"""

from __future__ import annotations

from gradio.themes import Default, colors

THEME = Default(
    primary_hue=colors.blue,
    font=["system-ui", "-apple-system", "Segoe UI", "sans-serif"],
    font_mono=["ui-monospace", "Consolas", "monospace"],
).set(  # Gradio's own pairs are too pale for small letters: WCAG asks for 4.5 to 1
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_hover="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover_dark="*primary_600",
    button_cancel_background_fill="#b91c1c",
    button_cancel_background_fill_hover="#991b1b",
    button_cancel_background_fill_dark="#991b1b",
    button_cancel_background_fill_hover_dark="#b91c1c",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_label_text_color="*neutral_600",
    block_label_text_color_dark="*neutral_200",
    block_title_text_color="*neutral_700",
    block_title_text_color_dark="*neutral_200",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
)

CSS = """
:root { --good: #166534; --bad: #b91c1c; --color-accent: #2563eb; --slider-color: #2563eb; }
.dark { --good: #86efac; --bad: #fca5a5; --color-accent: #60a5fa; --slider-color: #60a5fa; }
.status p { margin: 0 0 .25rem; overflow-wrap: anywhere; }
.status .good { color: var(--good); }
.status .bad { color: var(--bad); }
.status .errors { margin: 0 0 .5rem 1.25rem; list-style: disc; overflow-wrap: anywhere; }
.status progress { appearance: none; width: 100%; height: .75rem; border: 0; border-radius: .375rem; overflow: hidden;
  background: var(--border-color-primary); }
.status progress::-webkit-progress-bar { background: var(--border-color-primary); }
.status progress::-webkit-progress-value { background: var(--color-accent); }
.status progress::-moz-progress-bar { background: var(--color-accent); }
.status progress:indeterminate::-moz-progress-bar { background: none; }
.status progress:indeterminate { background: linear-gradient(90deg, transparent 0 40%, var(--color-accent) 40% 60%,
  transparent 60%) 0 0 / 200% 100% var(--border-color-primary); animation: to-and-fro 2s linear infinite; }
.status progress:indeterminate::-webkit-progress-bar { background: none; }
@keyframes to-and-fro { from { background-position: 150% 0; } to { background-position: -50% 0; } }
@media (prefers-reduced-motion: reduce) { .status progress:indeterminate { animation: none; } }
#result [role=slider]:focus-visible { outline: 3px solid var(--color-accent); }
/* The photo and its main button are in sight together, on any screen. */
#result img { max-height: max(14rem, calc(100vh - 21rem)); }
#photo-work { align-items: flex-start; }
.gradio-container h1 { font-size: 1.4rem !important; margin: 0 0 .1rem !important; }
#photo-actions { flex-direction: column; }
#photo-actions button { width: 100%; min-height: 3.2rem; }
#photo [data-testid=source-select] button { min-width: 3rem; min-height: 2.5rem; }
#photo [data-testid=source-select] svg { width: 1.5rem; height: 1.5rem; }
#scenes .grid-container { grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)) !important; max-height: 21rem;
  height: auto !important; min-height: 0; }
#scenes, #scenes .grid-wrap { min-height: 0 !important; height: auto !important; }
#scene-preview video { max-height: 24rem; }
#scenes .gallery-lg, #scenes .thumbnail-lg { aspect-ratio: 4 / 3; }
.easel { display: grid; grid-template-columns: minmax(0, 1fr) 17rem; gap: 1rem; align-items: start; }
.easel-tools { grid-column: 2; display: flex; flex-direction: column; gap: .8rem; }
.easel-canvas { grid-column: 1; grid-row: 1; justify-self: center; position: relative; line-height: 0; }
.easel-bar, .easel-group { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; }
.easel-name { flex-basis: 100%; font-size: .85rem; color: var(--block-info-text-color); }
.easel button:not(.easel-color) { min-height: 2.6rem; padding: 0 .8rem; border-radius: .5rem; cursor: pointer;
  border: 2px solid var(--border-color-primary); background: var(--button-secondary-background-fill);
  color: var(--button-secondary-text-color); }
.easel button:disabled { opacity: .45; cursor: default; }
.easel [data-tool][aria-checked=true] { border-color: var(--color-accent); font-weight: 600; }
.easel-color { flex-shrink: 0; width: 2.3rem; height: 2.3rem; border-radius: 50%; cursor: pointer;
  border: 2px solid var(--border-color-primary); }
.easel-color[aria-pressed=true] { outline: 3px solid var(--color-accent); outline-offset: 2px; }
.easel button:focus-visible, .easel input:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 3px; }
.easel-other { display: flex; align-items: center; gap: .4rem; }
.easel-other input { width: 2.8rem; height: 2.5rem; padding: 0; border: 0; background: none; cursor: pointer; }
.easel-size:not([hidden]) { display: flex; align-items: center; gap: .4rem; width: 100%; }
.easel-help { margin: 0; min-height: 3em; line-height: 1.4; }
.easel-help.bad { color: var(--bad); }
.easel-canvas img { display: block; max-width: 100%; max-height: max(14rem, calc(100vh - 21rem)); margin: 0; }
.easel-canvas svg { position: absolute; inset: 0; width: 100%; height: 100%; cursor: crosshair; user-select: none; }
.easel-canvas[aria-busy=true]::after { content: ""; position: absolute; inset: 0 0 auto; height: 4px;
  background: linear-gradient(90deg, transparent 0 40%, var(--color-accent) 40% 60%, transparent 60%) 0 0 / 200% 100%;
  animation: to-and-fro 1s linear infinite; }
.easel-hint { cursor: grab; outline: none; }
.easel-canvas svg:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 2px; }
.easel-hint:focus-visible circle:nth-of-type(2) { fill: var(--color-accent); stroke: var(--color-accent);
  stroke-width: 6px; vector-effect: non-scaling-stroke; }
@media (prefers-reduced-motion: reduce) { .easel-canvas[aria-busy=true]::after { animation: none; } }
@media (max-width: 760px) {
  .easel { display: flex; flex-direction: column; align-items: stretch; gap: .6rem; }
  .easel-canvas { order: -1; align-self: center; }
  .easel-canvas img { max-height: 42vh; }
  .easel-help { min-height: 0; }
}
@media (max-width: 640px) {
  .gradio-container, .gradio-container main { padding: .4rem !important; }
  .gradio-container main { padding-bottom: 5rem !important; }
  #result img { max-height: 50vh; }
  #photo-actions { flex-flow: row nowrap; position: fixed; inset: auto 0 0; z-index: 20; padding: .5rem;
    background: var(--body-background-fill); }
  #photo-actions button { min-width: 0 !important; padding: .4rem; font-size: 1rem; }
  .easel-color { width: 2.6rem; height: 2.6rem; }
  .easel-colors .easel-group { flex-wrap: nowrap; overflow-x: auto; padding: 5px; max-width: 100%; }
  .easel-colors .easel-name { flex: 0 0 4.5rem; }
}
"""

SCRIPT = """
() => {
  document.documentElement.lang = "en";
  // Gradio's before-and-after slider knows the mouse alone, and its pictures have no names.
  const moveSlider = (handle, share) => {
    const after = handle.parentElement.querySelector("img.fixed");
    if (!after) return;
    const right = after.getBoundingClientRect(), whole = handle.parentElement.getBoundingClientRect();
    share = Math.min(1, Math.max(0, share));
    after.style.clipPath = `inset(0px 0px 0px ${100 * share}%)`;
    handle.style.transform = `translateX(${right.left - whole.left + share * right.width}px)`;
    handle.setAttribute("aria-valuenow", Math.round(100 * share));
  };
  const addAccessibility = () => {
    for (const handle of document.querySelectorAll("#result [data-testid=slider]:not([tabindex])")) {
      const names = { tabindex: 0, role: "slider", "aria-label": "Where the photo in colour begins, per cent from left",
        "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 50 };
      for (const [name, value] of Object.entries(names)) handle.setAttribute(name, value);
      handle.addEventListener("keydown", (event) => {
        const now = Number(handle.getAttribute("aria-valuenow")) / 100;
        const to = { ArrowLeft: now - .05, ArrowRight: now + .05, ArrowDown: now - .05, ArrowUp: now + .05,
          Home: 0, End: 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        moveSlider(handle, to);
      });
    }
    document.querySelectorAll("#result [data-testid=imageslider-image][alt='']").forEach((picture) => {
      picture.alt = picture.classList.contains("fixed") ? "the photo in colour" : "the photo as it was";
    });
    document.querySelectorAll(".status:not([role])").forEach((line) => {
      const inner = line.parentElement.closest(".status");
      line.setAttribute("role", inner ? "none" : "status");
      if (!inner) line.setAttribute("aria-live", "polite");
    });
    document.querySelectorAll("#samples button:not([aria-label])").forEach((button) => {
      const picture = button.querySelector("img");
      if (picture) button.setAttribute("aria-label", "Sample " + decodeURI(picture.src).split("/").pop());
    });
    document.querySelectorAll(".command textarea:not([aria-label])").forEach((text) => {
      text.setAttribute("aria-label", text.closest("label").querySelector("[data-testid=block-info]").innerText.trim());
    });
    document.querySelectorAll(".command textarea:disabled").forEach((text) => {
      [text.disabled, text.readOnly] = [false, true];  // so that the keyboard gets there
    });
  };
  document.addEventListener("keydown", (event) => {  // Gradio's places to drop a file answer to the space bar alone
    const places = "button.upload-container, #photo [aria-label='Upload file'], .reference [aria-label='Upload file']";
    if (event.key !== "Enter" || !event.target.matches(places)) return;
    event.preventDefault();
    event.target.closest(".image-container, .block").querySelector("button.upload-container").click();
  }, true);
  new MutationObserver(addAccessibility).observe(document.body, {
    attributeFilter: ["disabled"], childList: true, subtree: true });
  addAccessibility();
}
"""
