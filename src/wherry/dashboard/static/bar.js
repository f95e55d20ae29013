// Pods as a bar: ready new, ready old, starting (striped), terminating; what is missing stays empty. The same in words, for who cannot see it.

import { el, set } from './dom.js';
import { t } from './text.js';

export function parts(card) {
  const sum = (lines, what) => lines.reduce((all, line) => all + line[what], 0);
  const newest = card.revisions.filter(line => line.newest), others = card.revisions.filter(line => !line.newest);
  const bad = card.revisions.some(line => line.trouble);
  return [
    ['new', sum(newest, 'ready')], ['old', sum(others, 'ready')], [bad ? 'trouble' : 'starting', sum(card.revisions, 'starting')],
    ['terminating', sum(card.revisions, 'terminating')],
  ];
}

export function bar() {
  return el('div', { class: 'pods', role: 'img' }, ...['new', 'old', 'starting', 'terminating'].map(kind => el('i', { class: kind })));
}

export function fill(made, card) {
  const found = parts(card), all = Math.max(card.wanted, found.reduce((sum, [, n]) => sum + n, 0), 1);
  found.forEach(([kind, n], at) => {
    made.children[at].className = kind;
    made.children[at].style.width = `${100 * n / all}%`;
  });
  const words = found.filter(([, n]) => n).map(([kind, n]) => `${n} ${t(kind === 'trouble' ? 'starting' : kind)}`).join(', ');
  set(made, { 'aria-label': `${t('of', card.ready, card.wanted)}${words ? ': ' + words : ''}`, title: words || t('of', card.ready, card.wanted) });
}
