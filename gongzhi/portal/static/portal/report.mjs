// The report form in three steps, and what the map, the position button and a photo's EXIF say about the place.
import { finish } from 'gz/recorder';

const form = document.querySelector('form[data-step]');
const parts = [...form.querySelectorAll('[data-part]')];
const bar = form.querySelectorAll('[data-bar] li');
const [back, next, send] = ['back', 'next', 'send'].map(name => document.querySelector(`[data-${name}]`));
const place = document.getElementById('place');
const english = document.documentElement.lang === 'en';
let step = +form.dataset.step;
const found = document.getElementById('found');
const otherPlace = form.querySelector('[data-other-place]');
let meant = form.words.value; // the words the matters near by were looked up for

function show(number, { focus = true } = {}) {
  step = Math.min(parts.length, Math.max(1, number));
  parts.forEach((part, i) => { part.hidden = i + 1 !== step; });
  bar.forEach((item, i) => {
    item.className = i + 1 < step ? 'is-done' : i + 1 === step ? 'is-now' : '';
    if (i + 1 === step) item.setAttribute('aria-current', 'step'); else item.removeAttribute('aria-current');
  });
  back.hidden = step === 1;
  next.hidden = step === parts.length;
  send.hidden = step !== parts.length;
  if (step === 2 && meant !== form.words.value) again();
  if (focus) { scrollTo(0, 0); parts[step - 1].querySelector('h1').focus({ preventScroll: true }); }
}

function missing() {
  if (step === 1) {
    const said = form.words.value.trim() || [...form.querySelectorAll('input[type=file]')].some(f => f.files.length)
      || form.querySelector('[name=kept_photos], [name=kept_voice]');
    return said ? null : [form.words, english ? 'Say, write or photograph: one is enough.' : '说话、打字、拍照，至少要有一样'];
  }
  if (step === 2 && !place.querySelector('[name=lon]')) return [form.q, english ? 'Choose where it is.' : '请先选一个地点：搜索、用现在的位置，或在地图上点'];
  return null;
}

form.addEventListener('input', () => form.querySelector('[data-warn]')?.remove());

function warn(field, words) {
  let line = form.querySelector('[data-warn]');
  line?.remove();
  if (!field) return;
  line = Object.assign(document.createElement('p'), { className: 'wrong', textContent: words });
  line.dataset.warn = '';
  line.setAttribute('role', 'alert');
  field.closest('.field').append(line);
  field.focus();
}

next.addEventListener('click', async () => {
  await finish();
  const wrong = missing();
  warn(...(wrong ?? []));
  if (!wrong) show(step + 1);
});
back.addEventListener('click', () => show(step - 1));
form.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || event.isComposing || event.target.tagName === 'TEXTAREA' || event.target.tagName === 'BUTTON') return;
  if (event.target.name === 'q' || step < parts.length) { event.preventDefault(); if (event.target.name !== 'q') next.click(); }
});

// Where it is -------------------------------------------------------------------------------------------------------
async function settle(values) {
  meant = form.words.value;
  await window.htmx.ajax('POST', '/r/place', { target: '#place', swap: 'innerHTML', values: { ...values, words: meant } });
  choosing(false);
}
function again() { // other words, other matters of the same kind; the place stays as it was settled
  if (place.querySelector('[name=lon]')) settle(Object.fromEntries(['lon', 'lat', 'compound'].map(name => [name, place.querySelector(`[name=${name}]`).value])));
}
function settlePoint({ lon, lat, device }) {
  form.querySelectorAll('[name=place]').forEach(choice => { choice.checked = false; });
  return settle({ lon: lon.toFixed(6), lat: lat.toFixed(6), ...(device && { device: 1 }) });
}
const look = () => place.scrollIntoView({ block: 'start' }); // who chose sees what it came to
form.addEventListener('change', ({ target }) => { if (target.name === 'place') settle({ place: target.value }).then(look); });
function choosing(yes) { // the places to choose from stand there until one is settled, or others are looked for
  found.hidden = !yes;
  otherPlace.hidden = yes || !found.children.length;
}
new MutationObserver(() => choosing(true)).observe(found, { childList: true });
otherPlace.addEventListener('click', () => { choosing(true); form.q.focus(); });
form.querySelector('[name=find]').addEventListener('click', event => { // looked up here, not by sending the form
  event.preventDefault();
  window.htmx.trigger(form.q, 'search');
});
form.addEventListener('place:point', ({ detail }) => settlePoint(detail).then(detail.device ? look : undefined));
document.addEventListener('htmx:after:swap', () => {
  const spot = place.querySelector('[data-spot], [data-area]');
  if (!spot) return;
  warn();
  if ('area' in spot.dataset) form.querySelector('[data-map-box]').open = true;
  form.dispatchEvent(new CustomEvent('place:show', { detail: { lon: +spot.dataset.lon, lat: +spot.dataset.lat, geojson: spot.dataset.near } }));
});

const fromPhoto = form.querySelector('[data-photo-place]');
form.addEventListener('photo:position', ({ detail }) => {
  fromPhoto.hidden = false;
  fromPhoto.onclick = () => settlePoint(detail).then(look);
});

show(step, { focus: false });
