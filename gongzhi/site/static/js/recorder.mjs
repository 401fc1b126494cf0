// Records a voice note into the file field of its form, so that a plain submit sends it. It can be heard before that.
const english = document.documentElement.lang === 'en';
const words = english
  ? { start: 'Tap and speak', stop: 'Done', denied: 'No permission for the microphone. You can type or take a photo.', kept: s => `${s} s recorded` }
  : { start: '点一下，开始说', stop: '说完了', denied: '没有麦克风权限，可以打字或拍照', kept: s => `录了 ${s} 秒，发送前可以先听` };
const kinds = ['audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'];

const open = new Set(); // what stops the recordings that run

// Stop what is being recorded and keep it: before a step is left, and before a form is sent.
export const finish = () => Promise.all([...open].map(stop => stop()));

export default function recorder(box) {
  const kind = window.MediaRecorder && navigator.mediaDevices && kinds.find(k => MediaRecorder.isTypeSupported(k));
  if (!kind) return; // the plain file field stays
  const field = box.querySelector('input[type=file]'), plain = box.querySelector('[data-plain]');
  const button = box.querySelector('[data-record]'), label = button.querySelector('[data-words]');
  const heard = box.querySelector('[data-heard]'), player = heard.querySelector('audio'), status = box.querySelector('[data-status]');
  const most = +box.dataset.recorder;
  let tape = null, timer = null, began = 0, waiting = [];

  plain.hidden = true;
  button.hidden = false;
  label.textContent = words.start;
  button.addEventListener('click', () => (tape ? tape.stop() : start()));
  box.closest('form')?.addEventListener('submit', async event => {
    if (!tape) return;
    const { target, submitter } = event;
    event.preventDefault();
    await stop();
    target.requestSubmit(submitter);
  });
  box.querySelector('[data-again]').addEventListener('click', () => { put(null); start(); });

  function stop() {
    return new Promise(done => {
      waiting.push(done);
      if (tape.state !== 'inactive') tape.stop();
    });
  }
  async function start() {
    let stream;
    try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { status.textContent = words.denied; return; }
    const pieces = [];
    tape = new MediaRecorder(stream, { mimeType: kind, audioBitsPerSecond: 24000 });
    tape.ondataavailable = event => pieces.push(event.data);
    tape.onstop = () => {
      clearInterval(timer);
      stream.getTracks().forEach(track => track.stop());
      tape = null;
      open.delete(stop);
      button.classList.remove('is-recording');
      label.textContent = words.start;
      put(new Blob(pieces, { type: kind.split(';')[0] }), Math.round((Date.now() - began) / 1000));
      waiting.splice(0).forEach(done => done());
    };
    began = Date.now();
    tape.start();
    open.add(stop);
    button.classList.add('is-recording');
    timer = setInterval(tick, 500);
    tick();
  }
  function tick() {
    const seconds = Math.floor((Date.now() - began) / 1000);
    label.textContent = `${words.stop} ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    if (seconds >= most) tape?.stop();
  }
  function put(blob, seconds = 0) {
    const files = new DataTransfer();
    if (blob) files.items.add(new File([blob], `voice.${blob.type.split('/')[1]}`, { type: blob.type }));
    field.files = files.files;
    if (player.src) URL.revokeObjectURL(player.src);
    heard.hidden = !blob;
    button.hidden = Boolean(blob);
    if (blob) player.src = URL.createObjectURL(blob);
    status.textContent = blob ? words.kept(seconds) : '';
    field.dispatchEvent(new Event('change', { bubbles: true }));
  }
}
