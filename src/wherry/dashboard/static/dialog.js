// A window over the page: closed by Escape or its button; what it followed ends with it, and the focus goes back to where it was.

import { el } from './dom.js';
import { t } from './text.js';

export function dialog(title, ...content) {
  const made = el('dialog', { 'aria-label': title }, el('h2', {}, title), ...content);
  document.body.append(made);
  made.addEventListener('close', () => { made.onleave?.(); made.remove(); });
  made.showModal();
  return made;
}

export function closing(made, word = 'close') {
  return el('button', { type: 'button', onclick: () => made().close() }, t(word));
}
