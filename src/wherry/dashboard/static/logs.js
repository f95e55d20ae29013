// A container's log, followed. At most so many lines are kept on the page.

import { closing, dialog } from './dialog.js';
import { el } from './dom.js';
import { t } from './text.js';

const MOST = 5000;

export function logs(namespace, pod, containers) {
  const container = el('select', { 'aria-label': t('container'), onchange: load }, ...containers.map(name => el('option', {}, name)));
  const previous = el('input', { type: 'checkbox', onchange: load }), following = el('input', { type: 'checkbox', checked: true, onchange: load });
  const text = el('pre', { class: 'log', tabindex: 0, 'aria-label': t('logs') });
  let reading = new AbortController();
  const made = dialog(`${t('logs')}: ${pod}`, el('div', { class: 'bar-row' }, container, el('label', {}, following, ' ', t('follow')), el('label', {}, previous, ' ', t('previous'))), text,
    el('div', { class: 'end' }, closing(() => made)));
  made.onleave = () => reading.abort();

  async function load() {
    reading.abort();
    reading = new AbortController();
    text.replaceChildren();
    const query = new URLSearchParams({ container: container.value, follow: following.checked && !previous.checked, previous: previous.checked });
    try {
      const answer = await fetch(`/api/pods/${namespace}/${pod}/log?${query}`, { signal: reading.signal });
      if (!answer.ok) throw new Error((await answer.json()).message);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) add(piece.value);
    } catch (error) { if (error.name !== 'AbortError') add(`\n${error.message}\n`); }
  }

  function add(piece) {
    const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
    text.append(piece);
    while (text.childNodes.length > MOST) text.firstChild.remove();
    if (atEnd) text.scrollTop = text.scrollHeight;
  }
  load();
}
