// The report form: where it is (phone, photo, compound, search, map), asked once and shown in words.
const form = document.getElementById('find');
const place = document.getElementById('place');
const settle = query => window.htmx.ajax('GET', `/field/report/place/?${new URLSearchParams(query)}`, { target: '#place', swap: 'innerHTML' });
const point = ({ lon, lat, device }) => ({ point: `${lon.toFixed(6)},${lat.toFixed(6)}`, ...(device && { device: 1 }) });

form.addEventListener('place:point', ({ detail }) => {
  for (const radio of form.querySelectorAll('[name=place]:checked')) radio.checked = false;
  settle(point(detail));
});
form.addEventListener('change', ({ target }) => { if (target.name === 'place') settle({ place: target.value }); });
document.addEventListener('htmx:after:swap', () => {
  const spot = place.querySelector('[data-spot]');
  if (!spot) return;
  form.querySelector('#place-e')?.remove();
  form.dispatchEvent(new CustomEvent('place:show', { detail: { lon: +spot.dataset.lon, lat: +spot.dataset.lat } }));
});

const fromPhoto = form.querySelector('[data-photo-place]');
form.addEventListener('photo:position', ({ detail }) => {
  fromPhoto.hidden = false;
  fromPhoto.onclick = () => settle(point(detail));
});
form.addEventListener('keydown', event => { if (event.key === 'Enter' && event.target.tagName === 'INPUT') event.preventDefault(); });
