// Phrases beside a form: a click, or Alt with a number, inserts one where the cursor stands in the text last written in.
export default function snippets(box) {
  const form = box.closest('section, form')?.querySelector('form[method=post]') ?? document;
  const buttons = [...box.querySelectorAll('[data-words]')];
  const first = () => form.querySelector('textarea[name=reply], textarea[name=answer], textarea');
  let last;
  document.addEventListener('focusin', ({ target }) => { if (target.matches('textarea') && form.contains(target)) last = target; });
  const insert = button => {
    const into = last?.isConnected ? last : first();
    if (!into) return;
    into.closest('details')?.setAttribute('open', '');
    into.focus();
    into.setRangeText(button.dataset.words, into.selectionStart, into.selectionEnd, 'end');
    into.dispatchEvent(new Event('input', { bubbles: true }));
  };
  for (const button of buttons) button.addEventListener('click', () => insert(button));
  document.addEventListener('keydown', event => {
    const n = event.altKey && !event.ctrlKey && !event.metaKey && !event.isComposing && /^Digit[1-9]$/.test(event.code) ? Number(event.code.at(-1)) : 0;
    if (!n || !buttons[n - 1]) return;
    event.preventDefault();
    insert(buttons[n - 1]);
  });
}
