// The phone clerk's form by keyboard: Alt 1–4 picks a category, Enter never sends half a form, chosen words fill themselves in.
const form = document.getElementById('intake');
const pick = name => form.querySelector(`[name="${name}"]:checked`);
const touch = () => form.dispatchEvent(new Event('input', { bubbles: true }));

form.addEventListener('keydown', event => {
  if (event.isComposing) return;
  if (event.altKey && /^[1-4]$/.test(event.key)) {
    const guess = form.querySelectorAll('#guesses [name=category]')[event.key - 1];
    if (guess) { event.preventDefault(); form.other.value = ''; guess.checked = true; touch(); }
  }
  if (event.key !== 'Enter' || event.ctrlKey || event.metaKey || event.target.tagName !== 'INPUT') return;
  event.preventDefault();
  if (event.target.name === 'phone') document.getElementById('look-up').click();
});

// The place: a pin outdoes a chosen one, a chosen one takes the pin away, new words ask anew.
form.addEventListener('place:point', ({ detail: { lon, lat } }) => {
  form.point.value = `${lon.toFixed(6)},${lat.toFixed(6)}`;
  touch();
});
let shown = '';
function show() {
  const spot = form.querySelector('[data-spot]');
  if (spot && spot.dataset.near === shown) return;
  shown = spot?.dataset.near ?? '';
  const where = spot ? { lon: +spot.dataset.lon, lat: +spot.dataset.lat, geojson: shown } : {};
  const pin = spot?.dataset.spot === 'place';
  Object.assign(form.querySelector('[data-map]').dataset, where, { pin: pin ? '' : 'none' }); // for a map not drawn yet
  form.dispatchEvent(new CustomEvent('place:show', { detail: { ...where, pin } }));
}
document.addEventListener('htmx:after:swap', show);

// How it ends: the button says it, the words of a lawful branch fill their gap with what was chosen.
const told = new Map();
function fill(end) {
  const box = form.querySelector(`.intake-end[data-end="${end}"]`), area = box?.querySelector('textarea, [name$="time_told"]');
  if (!area) return;
  const pattern = told.get(end) ?? area.defaultValue;
  if (!pattern.includes('____')) return;
  const last = told.has(`${end}:last`) ? told.get(`${end}:last`) : area.defaultValue;
  if (area.value !== last) return; // the clerk has written
  const choice = box.querySelector('select, input:checked, input[type=text]');
  const chosen = choice && choice !== area ? (choice.tagName === 'SELECT' ? choice.value && choice.selectedOptions[0].text : choice.closest('label')?.querySelector('b')?.textContent ?? choice.value) : '';
  told.set(end, pattern);
  area.value = chosen ? pattern.replaceAll('____', chosen.trim()) : pattern;
  told.set(`${end}:last`, area.value);
}
function say() {
  const end = pick('end');
  form.querySelector('[data-say-here]').textContent = end?.dataset.say ?? '';
  for (const box of form.querySelectorAll('.intake-end')) box.hidden = box.dataset.end !== end?.value;
  form.querySelector('.intake-noplace').hidden = end?.value === 'accept';
  if (end) fill(end.value);
}
form.addEventListener('change', ({ target }) => {
  if (target.name === 'place') { form.point.value = ''; touch(); }
  if (target.name === 'category') form.other.value = '';
  if (target.name === 'answer-knowledge') {
    form.querySelector('[name=end][value=answer]').checked = true;
    form.querySelector('[name="answer-answer"]').value = target.dataset.text;
    touch(); // so that the kept copy of the form knows how it ends
  }
  say();
});
form.addEventListener('input', say);
form.addEventListener('draft:restored', () => { say(); touch(); });
say();
show();
