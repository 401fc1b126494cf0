// Keeps what was typed in <form data-draft="name"> for this tab: a reload, a lost sign-in or a fault loses nothing.
// A page that carries data-draft-done="name" says that it arrived, and the copy goes.
const key = name => `draft:${name}`;
const kept = form => [...form.elements].filter(field =>
  field.name && !['hidden', 'password', 'file', 'submit', 'button'].includes(field.type) && !/^(csrfmiddlewaretoken$|kept)/.test(field.name));
const store = {
  read(name) { try { return JSON.parse(sessionStorage.getItem(key(name))) ?? {}; } catch { return {}; } },
  write(name, values) { try { sessionStorage.setItem(key(name), JSON.stringify(values)); } catch { /* private window */ } },
  drop(name) { try { sessionStorage.removeItem(key(name)); } catch { /* private window */ } },
};

export default function draft(element) {
  if (element.dataset.draftDone !== undefined) { store.drop(element.dataset.draftDone); return; }
  const form = element, name = form.dataset.draft, values = store.read(name);
  for (const field of kept(form)) {
    if (!(field.name in values)) continue;
    const value = values[field.name];
    if (field.type === 'checkbox' || field.type === 'radio') field.checked = [].concat(value).includes(field.value);
    else if (!field.value) field.value = value;
  }
  form.addEventListener('input', () => {
    const now = {};
    for (const field of kept(form)) {
      if (field.type === 'checkbox') { now[field.name] ??= []; if (field.checked) now[field.name].push(field.value); }
      else if (field.type !== 'radio') now[field.name] = field.value;
      else if (field.checked) now[field.name] = field.value;
    }
    store.write(name, now);
  });
  form.dispatchEvent(new CustomEvent('draft:restored', { bubbles: true }));
}
