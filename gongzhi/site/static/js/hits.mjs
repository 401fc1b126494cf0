// A search field with what it finds below: <input data-hits="id"> and the element of that id, filled with choices.
// The arrows move through them, Enter takes one, Esc closes them (WAI-ARIA combobox with a listbox). Without a script
// they are the radios and boxes they were.
let number = 0;

export default function hits(input) {
  const list = document.getElementById(input.dataset.hits);
  const options = () => [...list.querySelectorAll('[role=option]:not([hidden])')];
  const control = option => option.querySelector('input');
  let at = -1;

  function dress() {
    const found = [...list.querySelectorAll('label.choice')], box = found[0]?.parentElement;
    if (!box) for (const name of ['role', 'aria-label', 'aria-multiselectable']) list.removeAttribute(name); // found nothing: no list
    for (const option of found) {
      option.id ||= `hit-${++number}`;
      option.setAttribute('role', 'option');
      control(option).hidden = true; // an option holds nothing that takes the focus
    }
    if (box) {
      box.id ||= `hits-${++number}`;
      box.setAttribute('role', 'listbox');
      box.setAttribute('aria-label', input.labels[0]?.textContent.trim() ?? '');
      if (control(found[0]).type === 'checkbox') box.setAttribute('aria-multiselectable', 'true');
      input.setAttribute('aria-controls', box.id);
    }
    list.hidden = false;
    move(-1);
    mark();
  }

  function mark() {
    for (const option of list.querySelectorAll('[role=option]')) option.setAttribute('aria-selected', String(control(option).checked));
    input.setAttribute('aria-expanded', String(!list.hidden && options().length > 0));
  }

  function move(to) {
    const all = options();
    at = Math.min(all.length - 1, Math.max(-1, to));
    for (const option of list.querySelectorAll('[role=option]')) option.toggleAttribute('data-active', option === all[at]);
    if (at < 0) { input.removeAttribute('aria-activedescendant'); return; }
    input.setAttribute('aria-activedescendant', all[at].id);
    all[at].scrollIntoView({ block: 'nearest' });
  }

  function take(option) {
    const chosen = control(option);
    chosen.checked = chosen.type === 'radio' || !chosen.checked;
    for (const kind of ['input', 'change']) chosen.dispatchEvent(new Event(kind, { bubbles: true }));
  }

  const open = () => { list.hidden = false; mark(); };
  const keys = {
    ArrowDown() { open(); move(at + 1); },
    ArrowUp() { open(); move(at - 1); },
    Enter() { if (at >= 0) { take(options()[at]); move(at); } }, // nothing chosen: a search sends no half a form
    Escape() { list.hidden = true; move(-1); mark(); },
  };
  input.setAttribute('role', 'combobox');
  input.setAttribute('aria-autocomplete', 'list');
  input.addEventListener('keydown', event => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    if (event.key === 'Escape' && input.getAttribute('aria-expanded') !== 'true') return; // the next one folds the form
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  });
  list.addEventListener('change', mark);
  new MutationObserver(dress).observe(list, { childList: true, subtree: true });
  dress();
}
