// Photos before they are sent: seen, removed again, and made smaller, which saves a slow network most of the wait.
// A photo's position lives in its EXIF, which a smaller copy loses; it is read first and offered to the form as what it
// is: where the device was. The server keeps about where that is, not the position.
const SIDE = 1920;
const english = document.documentElement.lang === 'en';

export default function shots(box) {
  const add = box.querySelector('.add'), field = add.querySelector('input'), most = +box.dataset.shots;
  let files = [];
  field.addEventListener('change', async () => {
    const chosen = [...field.files].slice(0, most - files.length);
    for (const file of chosen) await take(file);
    put();
  });

  async function take(file) {
    const position = await positionOf(file).catch(() => null);
    if (position) box.dispatchEvent(new CustomEvent('photo:position', { bubbles: true, detail: { ...position, device: true } }));
    const small = await smaller(file).catch(() => file);
    files.push(small);
    const frame = document.createElement('div'), image = new Image(), remove = document.createElement('button');
    image.alt = english ? `Photo ${files.length}` : `照片 ${files.length}`;
    image.src = URL.createObjectURL(small);
    remove.type = 'button';
    remove.className = 'remove';
    remove.setAttribute('aria-label', english ? 'Remove' : `删除${image.alt}`);
    remove.textContent = '×';
    remove.addEventListener('click', () => { files = files.filter(f => f !== small); URL.revokeObjectURL(image.src); frame.remove(); put(); add.querySelector('input').focus(); });
    frame.append(image, remove);
    box.insertBefore(frame, add);
  }
  function put() {
    const kept = new DataTransfer();
    for (const file of files) kept.items.add(file);
    field.files = kept.files;
    add.hidden = files.length >= most;
  }
}

async function smaller(file) {
  if (!/^image\/(jpeg|png|webp)$/.test(file.type)) return file;
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  const scale = SIDE / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1 && file.size < 1e6) return file;
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(bitmap.width * Math.min(1, scale));
  canvas.height = Math.round(bitmap.height * Math.min(1, scale));
  canvas.getContext('2d').drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise(done => canvas.toBlob(done, 'image/jpeg', 0.82));
  return blob && blob.size < file.size ? new File([blob], file.name.replace(/\.\w+$/, '') + '.jpg', { type: 'image/jpeg' }) : file;
}

// Reads latitude and longitude from a JPEG's EXIF block; null where there is none.
async function positionOf(file) {
  const data = new DataView(await file.slice(0, 131072).arrayBuffer());
  if (data.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; at < data.byteLength - 10; at += 2 + data.getUint16(at + 2)) {
    if (data.getUint16(at) === 0xffe1 && data.getUint32(at + 4) === 0x45786966) return fromTiff(new DataView(data.buffer, at + 10));
    if (data.getUint16(at) < 0xff00) return null;
  }
  return null;
}
function fromTiff(tiff) {
  const little = tiff.getUint16(0) === 0x4949;
  const u16 = at => tiff.getUint16(at, little), u32 = at => tiff.getUint32(at, little);
  const entries = at => new Map(Array.from({ length: u16(at) }, (_, i) => [u16(at + 2 + 12 * i), at + 2 + 12 * i]));
  const gps = entries(u32(4)).get(0x8825);
  if (!gps) return null;
  const tags = entries(u32(gps + 8));
  const degrees = tag => [0, 1, 2].reduce((sum, i) => { const at = u32(tags.get(tag) + 8) + 8 * i; return sum + u32(at) / u32(at + 4) / 60 ** i; }, 0);
  const sign = (tag, minus) => (String.fromCharCode(tiff.getUint8(tags.get(tag) + 8)) === minus ? -1 : 1);
  const lat = degrees(2) * sign(1, 'S'), lon = degrees(4) * sign(3, 'W');
  return Number.isFinite(lat + lon) ? { lon, lat } : null;
}
