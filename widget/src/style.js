/** The style of the widget. An app changes it by the variables --latchkey-* and by ::part(). */
export default `
:host {
  --accent: var(--latchkey-accent, #1f6f4a);
  --on-accent: var(--latchkey-on-accent, #fff);
  --ink: var(--latchkey-ink, #1c211d);
  --faint: var(--latchkey-faint, #5a635c);
  --card: var(--latchkey-card, #fff);
  --line: var(--latchkey-line, #d9ded7);
  --field: var(--latchkey-field, #fafbf9);
  --edge: var(--latchkey-edge, #858e87);
  --soft: var(--latchkey-soft, #e3f0e8);
  --danger: var(--latchkey-danger, #b3261e);
  --radius: var(--latchkey-radius, .65rem);
  display: block;
  color: var(--ink);
  color-scheme: light;
  font: 1rem/1.5 var(--latchkey-font, system-ui, -apple-system, "Segoe UI", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif);
}
:host([hidden]) { display: none }
* { box-sizing: border-box }
[hidden] { display: none !important }

.card {
  background: var(--card);
  border: 1px solid var(--line);
  border-radius: calc(var(--radius) * 1.6);
  padding: clamp(1.15rem, 5vw, 1.75rem);
  box-shadow: 0 1px 2px #0000000a, 0 8px 24px #0000000d;
}
h1 { margin: 0 0 1.1rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; outline: none; overflow-wrap: anywhere }
p { margin: 0 0 1rem; overflow-wrap: anywhere }
small { display: block; color: var(--faint); font-size: .875rem; font-weight: 400 }
label small { display: inline }
form { display: grid; gap: 1rem }
form p, form small { margin: 0 }
label { display: block; margin-bottom: .3rem; font-weight: 500; font-size: .95rem }
.box { position: relative }
.box + small { margin-top: .3rem }
input {
  display: block;
  width: 100%;
  min-height: 2.9rem;
  padding: .55rem .8rem;
  border: 1px solid var(--edge);
  border-radius: var(--radius);
  background: var(--field);
  color: inherit;
  font: inherit;
  transition: border-color .15s, box-shadow .15s;
}
input:focus { border-color: var(--accent); outline: 2px solid var(--accent); outline-offset: -1px }
.box input[name=password] { padding-right: 3.1rem }
input[name=code] { min-height: 3.4rem; font-size: 1.6rem; letter-spacing: .25em; text-indent: .25em; text-align: center; font-variant-numeric: tabular-nums }

button {
  min-height: 2.9rem;
  padding: .55rem 1rem;
  border: 1px solid transparent;
  border-radius: var(--radius);
  background: var(--accent);
  color: var(--on-accent);
  font: inherit;
  font-weight: 600;
  cursor: pointer;
  transition: filter .15s, background-color .15s;
}
button.quiet { border-color: var(--line); background: transparent; color: var(--accent) }
button.link {
  min-height: 1.75rem;
  padding: .1rem 0;
  border: 0;
  background: none;
  color: var(--accent);
  font-weight: 500;
  text-align: start;
  text-decoration: underline;
  text-decoration-thickness: 1px;
  text-underline-offset: .22em;
  justify-self: start;
}
button.eye { position: absolute; inset: 1px 1px 1px auto; width: 2.8rem; min-height: 0; padding: 0; background: none; color: var(--faint) }
button.eye svg { width: 1.3rem; vertical-align: middle; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round }
.eye[aria-pressed=true] .slash { display: none }
button:hover { filter: brightness(1.08) }
button[aria-disabled=true] { filter: none; cursor: default }
button.quiet[aria-disabled=true] { color: var(--faint) }
form[aria-busy=true] { cursor: progress }
form[aria-busy=true] button[aria-disabled=true] { opacity: .65 }
button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }

.notice { margin-bottom: 1rem; padding: .7rem .9rem; border-radius: var(--radius); background: var(--soft) }
.notice:empty { display: none }
.message { color: var(--danger); font-size: .95rem }
.message:empty { position: absolute } /* it stays there for screen readers, but takes no space */
[aria-busy=true] .message { color: var(--faint) }
.state { display: flex; align-items: baseline; gap: .5rem }
.state::before { content: ""; flex: none; width: .55rem; height: .55rem; border-radius: 50%; background: var(--faint) }
.state[data-state=delivered]::before, .state[data-state=sent]::before { background: var(--accent) }
.state[data-state=lost] { color: var(--danger) }
.state[data-state=lost]::before { background: var(--danger) }
nav { display: grid; gap: .45rem; margin-top: 1.4rem; padding-top: 1.1rem; border-top: 1px solid var(--line) }

.loading { display: grid; gap: 1rem; min-height: 17rem; align-content: start }
.loading i { height: 2.9rem; border-radius: var(--radius); background: var(--line); opacity: .55; animation: pulse 1.4s ease-in-out infinite alternate }
.loading i:first-of-type { width: 45%; height: 1.8rem }
@keyframes pulse { to { opacity: .25 } }

@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important } }
@media (forced-colors: active) { button { border-color: ButtonText } }
`

/** The dark colours, for a dark system and for theme="dark". An app's own can be `light-dark(#00f, #aaf)`. */
const dark = `
  --accent: var(--latchkey-accent, #7fd3a6);
  --on-accent: var(--latchkey-on-accent, #0c2418);
  --ink: var(--latchkey-ink, #e8ece9);
  --faint: var(--latchkey-faint, #a6b0a9);
  --card: var(--latchkey-card, #1c211e);
  --line: var(--latchkey-line, #37403a);
  --field: var(--latchkey-field, #141816);
  --edge: var(--latchkey-edge, #727d76);
  --soft: var(--latchkey-soft, #20352a);
  --danger: var(--latchkey-danger, #ff9d94);
  color-scheme: dark;
`
export const DARK = `
@media (prefers-color-scheme: dark) { :host(:not([theme=light])) { ${dark} } }
:host([theme=dark]) { ${dark} }
`
