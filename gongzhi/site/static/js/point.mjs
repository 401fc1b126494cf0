// A hidden field that holds "lon,lat": the map of its form writes into it.
export default field => field.form.addEventListener('place:point', ({ detail: { lon, lat } }) => {
  field.value = `${lon.toFixed(6)},${lat.toFixed(6)}`;
});
