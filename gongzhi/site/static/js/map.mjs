// Every map. <div class="geo" data-map="show|pick" data-lon data-lat data-zoom data-geojson data-points>; see m.map.
// Polygons carry kind (district, street, community, grid, compound, building), name, and perhaps now (this one) or
// step (1–5 of the blue ramp). Colours come from theme.css. Labels are drawn from local fonts: there is no glyph server.
import * as ml from 'maplibre-gl';

const beside = name => new URL(`../vendor/${name}`, import.meta.url).href;
const sheet = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: beside('maplibre-gl.css') });
const styled = new Promise(done => { sheet.onload = sheet.onerror = done; });
document.head.prepend(sheet);
ml.setWorkerUrl(beside('maplibre-gl-worker.mjs'));
const english = document.documentElement.lang === 'en';
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = () => document.documentElement.dataset.bsTheme === 'dark';
const sprite = document.querySelector('meta[name=icons]').content;
const words = english
  ? { 'NavigationControl.ZoomIn': 'Zoom in', 'NavigationControl.ZoomOut': 'Zoom out' }
  : { 'NavigationControl.ZoomIn': '放大', 'NavigationControl.ZoomOut': '缩小', 'NavigationControl.ResetBearing': '正北', 'AttributionControl.ToggleAttribution': '数据来源', 'Marker.Title': '地点' };
const palette = () => (dark()
  ? { land: '#0B1723', compound: '#11283A', building: '#27405A', edge: '#31506F', label: '#C6D4E3', halo: '#0B1723', line: '#7DB9F5' }
  : { land: '#F3F4F2', compound: '#E8EEF3', building: '#D9DDE3', edge: '#C2C9D2', label: '#4A5666', halo: '#FFFFFF', line: '#0B5FA5' });

function style(data) {
  const p = palette();
  const sources = { polygons: { type: 'geojson', data: data.geojson ? new URL(data.geojson, location.href).href : { type: 'FeatureCollection', features: [] } } };
  const layers = [{ id: 'land', type: 'background', paint: { 'background-color': p.land } }];
  if (data.tiles) {
    sources.tiles = { type: 'raster', tiles: [data.tiles], tileSize: 256, attribution: data.attribution ?? '' };
    layers.push({ id: 'tiles', type: 'raster', source: 'tiles' });
  }
  const of = (...kinds) => ['in', ['get', 'kind'], ['literal', kinds]];
  const ramp = [1, 2, 3, 4, 5].flatMap(n => [n, css(`--ramp-${n}`)]);
  const layer = (id, type, filter, paint, more = {}) => layers.push({ id, type, source: 'polygons', filter, paint, ...more });
  layer('amount', 'fill', ['has', 'step'], { 'fill-color': ['match', ['get', 'step'], ...ramp, css('--ramp-1')], 'fill-opacity': .9 });
  layer('compound', 'fill', of('compound'), { 'fill-color': p.compound, 'fill-opacity': .8 });
  layer('building', 'fill', of('building'), { 'fill-color': p.building, 'fill-outline-color': p.edge }, { minzoom: 13 });
  layer('now', 'fill', ['==', ['get', 'now'], true], { 'fill-color': p.line, 'fill-opacity': .12 });
  layer('cell', 'line', of('grid'), { 'line-color': p.line, 'line-opacity': .45, 'line-width': 1, 'line-dasharray': [4, 3] });
  layer('border', 'line', ['any', ['!', ['has', 'kind']], of('community', 'street', 'district')], { 'line-color': p.line, 'line-opacity': .8, 'line-width': ['match', ['get', 'kind'], 'district', 2.5, 'street', 1.6, 1] });
  layer('now-line', 'line', ['==', ['get', 'now'], true], { 'line-color': p.line, 'line-width': 2 });
  layer('name', 'symbol', ['all', ['has', 'name'], ['any', ['!', ['has', 'kind']], of('compound', 'street', 'community')]], { 'text-color': p.label, 'text-halo-color': p.halo, 'text-halo-width': 1.5 },
    { layout: { 'text-field': ['get', 'name'], 'text-font': ['sans'], 'text-size': innerWidth < 3000 ? 12 : 24 } });
  return { version: 8, sources, layers };
}

function make(box) {
  const data = box.dataset;
  const map = new ml.Map({
    container: box, style: style(data), center: [+data.lon, +data.lat], zoom: +(data.zoom ?? 15.5),
    attributionControl: false, fadeDuration: 0, dragRotate: false, cooperativeGestures: false,
    locale: { ...words, 'Map.Title': box.getAttribute('aria-label') },
  });
  map.touchZoomRotate.disableRotation();
  for (const one of JSON.parse(data.points ?? '[]')) point(map, one);
  if (data.tiles) map.addControl(new ml.AttributionControl({ compact: false }), 'bottom-right');
  map.addControl(new ml.NavigationControl({ showCompass: false }), 'top-right');
  map.once('idle', () => { box.dataset.ready = '1'; });
  const caption = box.closest('.mapbox')?.querySelector('[data-made-up]');
  map.on('idle', () => {
    if (caption?.hidden && map.querySourceFeatures('polygons').some(f => f.properties.made_up)) caption.hidden = false;
  });
  return map;
}

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), use = document.createElementNS(svg.namespaceURI, 'use');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

function pin(map, { lon, lat, state, draggable = false }) {
  const mark = document.createElement('div'), drop = document.createElement('span');
  drop.className = 'pin';
  if (state) drop.dataset.state = state;
  drop.append(icon('map-pin'));
  mark.append(drop);
  return new ml.Marker({ element: mark, anchor: 'bottom-left', draggable }).setLngLat([lon, lat]).addTo(map);
}

function point(map, [lon, lat, state, said, href]) {
  const mark = document.createElement(href ? 'a' : 'span');
  mark.className = said ? 'maptag' : 'spot';
  mark.dataset.state = state;
  if (href) mark.href = href;
  mark.textContent = said ?? '';
  new ml.Marker({ element: mark }).setLngLat([lon, lat]).addTo(map);
}

// show: a place with its surroundings, or the polygons of an address.
export function show(box) {
  const map = make(box), data = box.dataset;
  if (data.pin !== 'none') pin(map, { lon: +data.lon, lat: +data.lat, state: data.state });
  if (data.bounds) map.fitBounds(JSON.parse(data.bounds), { padding: { top: 24, right: 24, bottom: 40, left: 24 }, animate: false });
  return map;
}

// pick: a pin the reader moves, or puts by a click; the form hears `place:point`, and may say where it is by `place:show`,
// with `pin: false` where it only knows the area. data-pin="none": there is no place yet, so there is no pin.
export function pick(box) {
  const map = make(box), form = box.closest('form');
  const marker = pin(map, { lon: +box.dataset.lon, lat: +box.dataset.lat, draggable: true });
  if (box.dataset.pin === 'none') marker.remove();
  const tell = ({ lng, lat }) => box.dispatchEvent(new CustomEvent('place:point', { bubbles: true, detail: { lon: lng, lat } }));
  marker.on('dragend', () => tell(marker.getLngLat()));
  map.on('click', event => { marker.setLngLat(event.lngLat).addTo(map); tell(event.lngLat); });
  form?.addEventListener('place:show', ({ detail: { lon, lat, geojson, pin: known = true } }) => {
    if (!known) marker.remove();
    if (lon === undefined) return;
    if (known) marker.setLngLat([lon, lat]).addTo(map);
    map.jumpTo({ center: [lon, lat] });
    if (geojson) map.getSource('polygons')?.setData(new URL(geojson, location.href).href);
  });
  return map;
}

export default async box => {
  await styled;
  return box.dataset.map === 'pick' ? pick(box) : show(box);
};
