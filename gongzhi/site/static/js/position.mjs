// A button that asks for the device's position only when pressed, and tells the form.
// The form hears a `place:point` event with lon, lat and `device`: the server keeps about where that is, not the position.
const english = document.documentElement.lang === 'en';

export default function position(button) {
  if (!navigator.geolocation) return;
  const status = document.getElementById(button.dataset.position);
  const say = words => { if (status) status.textContent = words; };
  button.hidden = false;
  button.addEventListener('click', () => {
    button.disabled = true;
    say(english ? 'Finding where you are…' : '正在找您的位置…');
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      button.disabled = false;
      say('');
      button.dispatchEvent(new CustomEvent('place:point', { bubbles: true, detail: { lon: coords.longitude, lat: coords.latitude, device: true } }));
    }, () => {
      button.disabled = false;
      say(english ? 'No position. Search for the place or mark it on the map.' : '没有得到位置，可以搜小区名，或在地图上点');
    }, { enableHighAccuracy: true, timeout: 10000, maximumAge: 60000 });
  });
}
