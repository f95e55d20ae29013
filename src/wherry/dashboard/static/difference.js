// Two revisions beside each other; which two can be chosen.

import { closing, dialog } from './dialog.js';
import { el } from './dom.js';
import { paths } from './rollout.js';
import { ask } from './server.js';
import { t } from './text.js';

export function difference(path, revisions, old, now) {
  const choose = (number, label) => el('select', { 'aria-label': label, onchange: load }, ...revisions.map(each => el('option', { value: each.number, selected: each.number === number }, t('revision', each.number))));
  const left = choose(old, t('old')), right = choose(now, t('new')), body = el('div');
  const made = dialog(t('compare'), el('div', { class: 'bar-row' }, left, '→', right), body, el('div', { class: 'end' }, closing(() => made)));

  async function load() {
    try {
      const found = await ask(`${path}/difference?old=${left.value}&new=${right.value}`);
      body.replaceChildren(found.paths.length ? paths(found.paths) : el('p', { class: 'dim' }, t('noDifference')),
        el('table', { class: 'side mono' }, ...found.lines.map(line => line.kind === 'fold'
          ? el('tr', { class: 'fold' }, el('td', { colspan: 2 }, `⋯ ${t('fold', line.fold)}`))
          : el('tr', { class: line.kind }, el('td', {}, line.old), el('td', {}, line.new)))));
    } catch (error) { body.replaceChildren(el('p', { class: 'message bad', role: 'alert' }, error.message)); }
  }
  load();
}
