// Every page loads this. It brings a module in only when the page has a place for it, now or after a swap.
const parts = {
  '[data-map]': 'gz/map',
  '[data-chart]': 'gz/charts',
  '[data-recorder]': 'gz/recorder',
  '[data-shots]': 'gz/shots',
  '[data-position]': 'gz/position',
  '[data-point]': 'gz/point',
  '[data-draft], [data-draft-done]': 'gz/draft',
  '[data-toast]': 'gz/toast',
  '[data-hits]': 'gz/hits',
  '[data-picks]': 'gz/picks',
  '[data-snippets]': 'gz/snippets',
  '[data-bell]': 'gz/bell',
  '[data-passkey]': 'gz/passkey',
};
const late = '[data-map], [data-chart]'; // big libraries: not before they are seen
const begun = new WeakSet();

async function begin(element, name) {
  const { default: attach } = await import(name);
  attach(element);
}

const seen = 'IntersectionObserver' in window && new IntersectionObserver(entries => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) {
    seen.unobserve(target);
    begin(target, target.dataset.module);
  }
}, { rootMargin: '200px' });

function attachAll(root) {
  for (const [selector, name] of Object.entries(parts)) for (const element of root.querySelectorAll(selector)) {
    if (begun.has(element)) continue;
    begun.add(element);
    if (seen && element.matches(late)) { element.dataset.module = name; seen.observe(element); }
    else begin(element, name);
  }
}

const cookie = name => document.cookie.split('; ').find(c => c.startsWith(`${name}=`))?.slice(name.length + 1);

document.addEventListener('htmx:config:request', event => {
  event.detail.ctx.request.headers['X-CSRFToken'] = cookie('csrftoken') ?? '';
});
document.addEventListener('htmx:after:swap', () => attachAll(document));

// What asks back, asks; a form goes out once.
document.addEventListener('click', event => {
  const button = event.target.closest('[data-confirm]');
  if (button && !confirm(button.dataset.confirm)) event.preventDefault();
});
document.addEventListener('submit', event => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== 'post' || form.dataset.sent) { if (form.dataset.sent) event.preventDefault(); return; }
  form.dataset.sent = '1';
  setTimeout(() => delete form.dataset.sent, 8000);
});
addEventListener('pageshow', () => document.querySelectorAll('form[data-sent]').forEach(form => delete form.dataset.sent));

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => print());
}

const showSignal = () => document.querySelectorAll('[data-offline]').forEach(line => { line.hidden = navigator.onLine; });
addEventListener('online', showSignal);
addEventListener('offline', showSignal);
showSignal();
attachAll(document);
