// A form that goes out with what a passkey answered: first asks the server what to ask, then the device.
// data-passkey: get or create; data-options: the address that gives what the device is asked.
const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

function asked({ publicKey: key }) {
  const named = list => list?.map(one => ({ ...one, id: bytes(one.id) }));
  return { publicKey: {
    ...key, challenge: bytes(key.challenge),
    ...(key.user && { user: { ...key.user, id: bytes(key.user.id) } }),
    ...(key.allowCredentials && { allowCredentials: named(key.allowCredentials) }),
    ...(key.excludeCredentials && { excludeCredentials: named(key.excludeCredentials) }),
  } };
}

function answered(credential) {
  const { response } = credential, said = {};
  for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'])
    if (response[name]) said[name] = text(response[name]);
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: said, clientExtensionResults: {} });
}

export default function attach(form) {
  const status = form.querySelector('[role="status"]');
  if (!window.PublicKeyCredential) {
    status.textContent = form.dataset.without;
    form.querySelector('button').disabled = true;
    return;
  }
  form.addEventListener('submit', async event => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    status.textContent = form.dataset.waiting;
    try {
      const body = new URLSearchParams({ csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
      const options = await (await fetch(form.dataset.options, { method: 'POST', body })).json();
      form.elements.answer.value = answered(await navigator.credentials[form.dataset.passkey](asked(options)));
      form.requestSubmit();
    } catch {
      status.textContent = form.dataset.failed;
    }
  }, true);
}
