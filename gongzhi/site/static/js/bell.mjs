// A soft sound when a new urgent matter has come into the queue. Off until somebody switches it on in this browser. The
// part of the page that says how many there are is fetched by htmx every minute; its [data-newest] is the last one's number.
const KEY = 'gz-bell';

function ring() {
  const sound = new AudioContext(), now = sound.currentTime;
  for (const [at, tone] of [[0, 660], [0.22, 880]]) {
    const voice = sound.createOscillator(), volume = sound.createGain();
    voice.frequency.value = tone;
    volume.gain.setValueAtTime(0.0001, now + at);
    volume.gain.exponentialRampToValueAtTime(0.12, now + at + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.0001, now + at + 0.4);
    voice.connect(volume).connect(sound.destination);
    voice.start(now + at);
    voice.stop(now + at + 0.45);
  }
  setTimeout(() => sound.close(), 1500);
}

export default function bell(box) {
  const button = box.querySelector('[data-bell-switch]'), newest = () => Number(box.querySelector('[data-newest]')?.dataset.newest ?? 0);
  const show = () => button.setAttribute('aria-pressed', String(localStorage.getItem(KEY) === '1'));
  let known = newest();
  button.hidden = false;
  show();
  button.addEventListener('click', () => {
    localStorage.setItem(KEY, localStorage.getItem(KEY) === '1' ? '0' : '1');
    show();
    if (localStorage.getItem(KEY) === '1') ring(); // so that one knows it, and the browser lets it be heard later
  });
  document.addEventListener('htmx:after:swap', () => {
    const now = newest();
    if (now > known && localStorage.getItem(KEY) === '1') { box.dataset.rang = String(now); ring(); }
    known = Math.max(known, now);
  });
}
