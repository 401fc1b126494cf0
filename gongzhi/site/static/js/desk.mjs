// The desk by keyboard. Keys count only while the focus is in <main data-keys>, outside of fields, and no input method
// is composing (WCAG 2.1.4). A list is [data-list]; a row is [data-row] with one link [data-open]; [data-pick] is its
// checkbox; data-preview on the row is the address shown in #preview. Any control may carry data-key="d".
const main = document.querySelector('[data-keys]');
const rows = () => [...main.querySelectorAll('[data-row]')];
const linkOf = row => row?.querySelector('[data-open]');
const mark = row => (row.matches('tr') ? 'aria-selected' : 'aria-current'); // an item of a list cannot be "selected"
const current = () => main.querySelector('[data-row]:is([aria-selected="true"], [aria-current="true"])') ?? document.activeElement.closest('[data-row]');
const isField = element => element.closest('input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]');
let waiting;

function choose(row, { focus = true } = {}) {
  if (!row) return;
  for (const other of rows()) other.setAttribute(mark(other), String(other === row));
  if (focus) linkOf(row)?.focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
  clearTimeout(waiting);
  const pane = document.getElementById('preview');
  if (row.dataset.preview && pane && pane.offsetParent) waiting = setTimeout(() => window.htmx?.ajax('GET', row.dataset.preview, '#preview'), 120);
}

function step(by) {
  const all = rows(), at = all.indexOf(current());
  choose(all[Math.min(all.length - 1, Math.max(0, at + by))]);
}

function fold(element) {
  const form = element.closest('[data-fold]');
  if (!form) return false;
  if (form.tagName === 'DETAILS') { form.open = false; form.querySelector('summary').focus(); }
  else { form.hidden = true; document.querySelector(`[aria-controls="${form.id}"]`)?.focus(); }
  return true;
}

const acts = {
  j: () => step(1),
  k: () => step(-1),
  x: () => current()?.querySelector('[data-pick]')?.click(),
  a: () => {
    const picks = [...main.querySelectorAll('[data-pick]')], all = picks.every(pick => pick.checked);
    for (const pick of picks) pick.checked = !all;
  },
  '?': () => document.getElementById('keys').showModal(),
};

document.addEventListener('keydown', event => {
  if (event.isComposing || event.keyCode === 229) return;
  const target = document.activeElement;
  if (event.key === 'Escape' && fold(target)) { event.preventDefault(); return; }
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && target.form) { event.preventDefault(); target.form.requestSubmit(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || !main?.contains(target) || isField(target)) return;
  const named = main.querySelector(`[data-key="${CSS.escape(event.key)}"]:not([disabled])`) ?? document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (named) {
    event.preventDefault();
    if (named.matches('input, textarea, select')) named.focus();
    else if (!named.dataset.keyAsks || confirm(named.dataset.keyAsks)) named.click(); // a key that writes says back what
  }
  else if (acts[event.key] && (event.key === '?' || rows().length)) { event.preventDefault(); acts[event.key](); }
});
main?.addEventListener('focusin', event => {
  const row = event.target.closest('[data-row]');
  if (row && row.getAttribute(mark(row)) !== 'true') choose(row, { focus: false });
});
function begin() {
  if (!main || document.activeElement?.closest('main')) return;
  const first = main.querySelector('[autofocus]');
  if (first) first.focus();
  else rows().length ? choose(rows()[0]) : main.focus({ preventScroll: true });
}
begin();
addEventListener('load', begin); // an address that names a part of the page (#act) takes the focus away, autofocus or not

// A chosen text is copied into the field it is for, unless somebody has written there.
const copied = new WeakMap();
document.addEventListener('change', ({ target }) => {
  const into = target.dataset?.textFor && target.form?.elements[target.dataset.textFor];
  if (!into || (into.value && into.value !== copied.get(into))) return;
  into.value = target.dataset.text;
  copied.set(into, into.value);
  into.dispatchEvent(new Event('input', { bubbles: true }));
});
