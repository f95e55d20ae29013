// All workloads: what needs somebody first, then what moves, then the rest. A row is made once and then only told what changed.

import { bar, fill } from './bar.js';
import { $, el, say, set } from './dom.js';
import { follow } from './server.js';
import { SIGNS, span, t } from './text.js';

const ORDER = ['failed', 'stuck', 'unavailable', 'progressing', 'paused', 'done', 'empty'];
const AT_ONCE = 120;
const rank = Object.fromEntries(ORDER.map((state, at) => [state, at]));

export function board(main, shell) {
  const cards = new Map(), rows = new Map();
  const wanted = { text: '', namespace: '', kind: '', states: new Set() };
  let skew = 0, loaded = false, planned = false;

  const search = el('input', { type: 'search', id: 'search', placeholder: t('search'), 'aria-label': t('search'), oninput: () => { wanted.text = search.value.toLowerCase(); plan(); } });
  const namespaces = el('select', { 'aria-label': t('allNamespaces'), onchange: () => { wanted.namespace = namespaces.value; plan(); } });
  const kinds = el('select', { 'aria-label': t('allKinds'), onchange: () => { wanted.kind = kinds.value; plan(); } },
    el('option', { value: '' }, t('allKinds')), ...['Deployment', 'StatefulSet', 'DaemonSet'].map(kind => el('option', { value: kind }, kind)));
  const chips = Object.fromEntries(ORDER.map(state => [state, el('button', {
    type: 'button', class: `chip ${state}`, 'aria-pressed': 'false', onclick: () => { wanted.states.has(state) ? wanted.states.delete(state) : wanted.states.add(state); plan(); },
  })]));
  const count = el('p', { class: 'dim small', role: 'status' }), list = el('ul', { class: 'rows', id: 'rows', 'aria-label': t('listed') });
  const nothing = el('p', { class: 'dim', hidden: true });
  main.replaceChildren(el('div', { class: 'bar-row' }, search, namespaces, kinds),
    el('div', { class: 'bar-row', role: 'group', 'aria-label': t('filter') }, ...Object.values(chips)), count, list, nothing);

  function row(card) {
    const link = el('a', { class: 'card', href: `#/${card.id}` });
    const parts = {
      state: el('span', { class: 'state' }), since: el('span', { class: 'dim small' }), name: el('span', { class: 'name' }), where: el('div', { class: 'dim small' }),
      images: el('div', { class: 'dim small mono images' }), bar: bar(), why: el('div', { class: 'why small' }), step: el('div', { class: 'dim small' }), ready: el('span'), revision: el('span', { class: 'dim small' }),
    };
    link.append(el('div', {}, parts.state, el('br'), parts.since), el('div', {}, parts.name, parts.where), el('div', { class: 'middle' }, parts.images, parts.bar, parts.step, parts.why),
      el('div', { class: 'num' }, parts.ready), el('div', { class: 'num' }, parts.revision));
    const made = { item: el('li', {}, link), link, parts };
    rows.set(card.id, made);
    return made;
  }

  function paint(card) {
    const { link, parts } = rows.get(card.id) ?? row(card);
    link.className = `card ${card.state}`;
    set(parts.state, { class: `state ${card.state}`, 'data-sign': SIGNS[card.state] });
    say(parts.state, t(card.state));
    say(parts.name, card.name);
    say(parts.where, `${card.kind} · ${card.namespace}`);
    say(parts.images, card.images.join(', '));
    say(parts.why, card.why + (card.more ? ` (${t('more', card.more)})` : ''));
    say(parts.step, card.step);
    say(parts.ready, t('of', card.ready, card.wanted));
    say(parts.revision, t('revision', card.revision) + (card.restarts ? ` · ${t('restarts', card.restarts)}` : ''));
    fill(parts.bar, card);
    since(card);
    return rows.get(card.id);
  }

  function since(card) {
    if (!rows.has(card.id)) return;
    const text = card.since === null ? '' : span(Date.now() / 1000 + skew - card.since);
    say(rows.get(card.id).parts.since, text);
  }

  const matches = card => (!wanted.namespace || card.namespace === wanted.namespace) && (!wanted.kind || card.kind === wanted.kind)
    && (!wanted.states.size || wanted.states.has(card.state))
    && (!wanted.text || `${card.name} ${card.namespace} ${card.images.join(' ')} ${card.why}`.toLowerCase().includes(wanted.text));

  // one arrangement per frame, however much was told
  function plan() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; arrange(); });
  }

  // rows are made when their turn comes: a screen full at once, the rest some in each frame
  function arrange() {
    const all = [...cards.values()], shown = all.filter(matches);
    shown.sort((a, b) => rank[a.state] - rank[b.state] || (a.id < b.id ? -1 : 1));
    let at = list.firstElementChild, fresh = 0;
    const keep = new Set(shown.map(card => card.id));
    for (const [id, made] of rows) if (!keep.has(id) && made.item.parentNode) { if (made.item === at) at = at.nextElementSibling; made.item.remove(); }
    for (const card of shown) {
      if (!rows.has(card.id) && ++fresh > AT_ONCE) { plan(); break; }
      const { item } = rows.get(card.id) ?? paint(card);
      if (item === at) at = at.nextElementSibling;
      else list.insertBefore(item, at);
    }
    for (const state of ORDER) {
      const n = all.filter(card => card.state === state).length;
      say(chips[state], `${SIGNS[state]} ${t(state)} ${n}`);
      set(chips[state], { 'aria-pressed': String(wanted.states.has(state)), hidden: !n && !wanted.states.has(state) });
    }
    const names = [...new Set(all.map(card => card.namespace))].sort();
    if (names.join() !== namespaces.dataset.names) {
      namespaces.dataset.names = names.join();
      namespaces.replaceChildren(el('option', { value: '' }, t('allNamespaces')), ...names.map(name => el('option', { value: name, selected: name === wanted.namespace }, name)));
    }
    say(count, t('shown', shown.length, all.length));
    nothing.hidden = shown.length > 0 || !loaded;
    say(nothing, all.length ? t('none') : t('nothing'));
  }

  function take(news, whole) {
    skew = news.now - Date.now() / 1000;
    if (whole) {
      const there = new Set(news.cards.map(card => card.id));
      for (const id of [...cards.keys()]) if (!there.has(id)) forget(id);
      loaded = true;
    }
    for (const id of news.gone ?? []) forget(id);
    for (const card of news.cards) { cards.set(card.id, card); if (rows.has(card.id)) paint(card); }
    shell.trouble(news.trouble);
    plan();
  }

  function forget(id) {
    cards.delete(id);
    rows.get(id)?.item.remove();
    rows.delete(id);
  }

  const keys = event => {
    if (event.target.matches('input, select, textarea') || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/') { event.preventDefault(); search.focus(); }
    if (event.key === 'j' || event.key === 'k') {
      const links = [...list.querySelectorAll('a')], here = links.indexOf(document.activeElement);
      links[Math.min(links.length - 1, Math.max(0, here + (event.key === 'j' ? 1 : -1)))]?.focus();
    }
  };
  document.addEventListener('keydown', keys);
  const clock = setInterval(() => { for (const card of cards.values()) if (card.state !== 'done' || document.hasFocus()) since(card); }, 5000);
  const close = follow('/api/board/news', { board: news => take(news, true), cards: news => take(news, false) }, shell.connection);
  document.title = 'wherry';
  return () => { close(); clearInterval(clock); document.removeEventListener('keydown', keys); };
}
