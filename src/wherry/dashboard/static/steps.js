// A rollout in steps: which one it stands at, what it waits for, and the ways to steer it.

import { closing, dialog } from './dialog.js';
import { el } from './dom.js';
import { ask } from './server.js';
import { t } from './text.js';

const WAYS = ['promote', 'skip', 'abort', 'retry'];

export function show_steps(place, found, path, rights) {
  place.hidden = !found;
  const value = JSON.stringify([found && { ...found, ready: 0, new: 0 }, found?.ready, rights.image?.allowed]);
  if (!found || place.dataset.value === value) return;
  place.dataset.value = value;
  const over = ['done', 'aborted'].includes(found.phase);
  place.replaceChildren(el('h2', {}, t('steps')),
    el('ol', { class: 'steps' }, ...found.steps.map((step, at) => el('li', { class: at + 1 < found.step || found.phase === 'done' ? 'passed' : at + 1 === found.step && !over ? 'current' : '', 'aria-current': at + 1 === found.step && !over ? 'step' : null }, step))),
    el('p', { role: 'status' }, el('strong', {}, found.phase), ` · ${found.ready} / ${found.new} / ${found.wanted}`, found.until ? ` · ${new Date(found.until * 1000).toLocaleTimeString()}` : '', found.why ? ` · ${found.why}` : ''),
    el('div', { class: 'actions' }, ...WAYS.map(way => el('button', { type: 'button', class: way === 'abort' ? 'danger' : '', disabled: rights.image?.allowed === false || (over && way !== 'retry'), onclick: () => steer(path, way) }, t(way)))));
}

function steer(path, way) {
  const failure = el('div', { role: 'alert' });
  const confirm = el('button', { type: 'button', class: way === 'abort' ? 'danger' : 'main', onclick: async () => {
    confirm.disabled = true;
    try { await ask(`${path}/steps/${way}`, {}); made.close(); } catch (error) { failure.replaceChildren(el('p', { class: 'message bad' }, `${t('refused')}: ${error.message}`)); }
  } }, t('confirm'));
  const made = dialog(t(way), el('p', {}, t(`${way}Means`)), failure, el('div', { class: 'end' }, closing(() => made, 'cancel'), confirm));
}
