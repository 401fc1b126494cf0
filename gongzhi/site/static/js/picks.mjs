// Several chosen of many: <fieldset data-picks="name">. What is ticked becomes a chip in [data-chosen], what is taken off
// goes back; nothing is offered twice, and whoever leads ([name=lead] of the form, else data-lead) is not offered at all.
const english = document.documentElement.lang === 'en';
const said = {
  leads: name => (english ? `${name} leads and was taken off here` : `${name}是主办单位，已从这里去掉`),
  taken: name => (english ? `${name} added` : `已选${name}`),
  dropped: name => (english ? `${name} taken off` : `已去掉${name}`),
};

export default function picks(box) {
  const { picks: name, lead } = box.dataset, { form } = box;
  const chosen = box.querySelector('[data-chosen]'), status = box.querySelector('[data-picked]');
  const every = () => [...box.querySelectorAll(`input[type=checkbox][name="${name}"]`)];
  const chips = () => every().filter(one => chosen.contains(one));
  const titleOf = control => (control.parentElement.querySelector('b') ?? control.parentElement.querySelector('span')).textContent;
  const leads = () => form.querySelector('[name=lead]:checked')?.value ?? lead;

  function chip(control) {
    const label = document.createElement('label'), one = control.cloneNode(), title = document.createElement('span');
    label.className = 'pill';
    one.hidden = false;
    one.removeAttribute('id');
    one.checked = true;
    title.textContent = titleOf(control);
    label.append(one, title, cross.cloneNode(true));
    chosen.append(label);
  }

  function tidy() {
    for (const one of every()) if (!chosen.contains(one) && one.checked) {
      if (!chips().some(other => other.value === one.value)) chip(one);
      one.checked = false;
    }
    const first = leads(), taken = new Set(chips().map(one => one.value));
    for (const one of chips()) if (one.value === first) {
      status.textContent = said.leads(titleOf(one));
      one.parentElement.remove();
    }
    for (const one of every()) if (!chosen.contains(one)) one.parentElement.hidden = one.value === first || taken.has(one.value);
  }

  const cross = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), use = document.createElementNS(cross.namespaceURI, 'use');
  cross.setAttribute('class', 'icon');
  cross.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `${document.querySelector('meta[name=icons]').content}#x`);
  cross.append(use);
  box.addEventListener('change', ({ target }) => {
    if (target.name !== name) return;
    status.textContent = (target.checked ? said.taken : said.dropped)(titleOf(target));
    if (!target.checked && chosen.contains(target)) {
      target.parentElement.remove();
      box.querySelector('input[type=search]')?.focus();
    }
    tidy();
  });
  form.addEventListener('change', ({ target }) => { if (target.name === 'lead') tidy(); });
  form.addEventListener('draft:restored', tidy);
  new MutationObserver(tidy).observe(box, { childList: true, subtree: true }); // what a search brings
  tidy();
}
