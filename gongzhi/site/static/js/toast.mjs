// A line that says what was done. With an undo it counts the seconds down, then goes.
export default function toast(line) {
  const until = Date.now() + line.dataset.toast * 1000;
  const count = line.querySelector('[data-countdown]');
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left <= 0) { line.remove(); return; }
    if (count) count.textContent = document.documentElement.lang === 'en' ? ` (${left} s)` : `（还剩 ${left} 秒）`;
    setTimeout(tick, 250);
  };
  tick();
}
