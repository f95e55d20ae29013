// One rollout: how far it is, why it does not go on, its revisions, its pods, what was told, and what may be done.

import { act, said } from './actions.js';
import { bar, fill } from './bar.js';
import { chart } from './chart.js';
import { difference } from './difference.js';
import { el, say, set } from './dom.js';
import { logs } from './logs.js';
import { show_steps } from './steps.js';
import { ask, follow } from './server.js';
import { terminal } from './terminal.js';
import { SIGNS, span, t } from './text.js';

export function rollout(main, shell, { namespace, plural, name }) {
  const path = `/api/rollouts/${namespace}/${plural}/${name}`;
  let now = () => Date.now() / 1000, latest = null, rights = {}, forecast = null;
  const state = el('span', { class: 'state' }), message = el('p', { class: 'dim', role: 'status' }), pods = bar(), ready = el('span', { class: 'dim' });
  const deadline = el('span', { class: 'dim' }), strategy = el('p', { class: 'dim small mono' }), foreseen = el('p', { class: 'small' });
  const actions = el('div', { class: 'actions' }), causes = el('div', { hidden: true, class: 'message bad' }), plot = el('div'), timeline = el('ol', { class: 'timeline' });
  const table = el('tbody'), hidden = el('p', { class: 'dim small' }), events = el('tbody'), conditions = el('tbody');
  const steps = el('section', { class: 'panel', hidden: true, 'aria-label': t('steps') });
  const gone = el('p', { class: 'message bad', role: 'alert', hidden: true });
  document.title = `${name} · wherry`;
  main.replaceChildren(
    el('p', {}, el('a', { href: '#/' }, `← ${t('back')}`)),
    el('div', { class: 'head' }, el('div', {}, el('h1', {}, name), el('span', { class: 'dim' }, `${namespace} · ${plural} `)), el('div', {}, state, ' ', ready)),
    gone, message, pods, el('div', { class: 'head small' }, deadline), actions, causes,
    el('div', { class: 'two' },
      el('section', { class: 'panel', 'aria-label': t('revisions') }, el('h2', {}, t('revisions')), timeline),
      el('section', { class: 'panel', 'aria-label': t('chart') }, el('h2', {}, t('chart')), plot, foreseen, strategy)),
    steps,
    el('h2', {}, t('pods')), el('div', { class: 'panel scroll' }, el('table', {}, el('thead', {}, el('tr', {},
      ...['pod', 'revisions', 'state', 'ready', 'count', 'age', 'node', ''].map(word => el('th', { scope: 'col' }, word === 'revisions' ? '#' : word && t(word))))), table), hidden),
    el('h2', {}, t('events')), el('div', { class: 'panel scroll' }, el('table', {}, events)),
    el('h2', {}, t('conditions')), el('div', { class: 'panel scroll' }, el('table', {}, conditions)));

  // what was forecast for the rollout that begins now; it goes with the next one
  function foresee(found) {
    forecast = found && { ...found, after: latest.rollout.card.revision, begun: now() };
    say(foreseen, found ? said(found) : '');
  }

  const buttons = {};
  for (const doing of ['undo', 'pause', 'resume', 'restart', 'scale', 'image']) {
    buttons[doing] = el('button', { type: 'button', disabled: true, class: doing === 'undo' ? 'danger' : '', onclick: () => act(path, doing, latest.rollout, 0, foresee) }, t(doing));
    actions.append(buttons[doing]);
  }
  ask(`${path}/rights`).then(found => { rights = found; if (latest) allow(latest.rollout); }).catch(error => shell.trouble([error.message]));

  function allow(found) {
    const paused = found.card.state === 'paused', kind = found.card.kind;
    buttons.pause.hidden = paused;
    buttons.resume.hidden = !paused;
    buttons.scale.hidden = kind === 'DaemonSet';
    for (const [doing, button] of Object.entries(buttons)) {
      const right = rights[doing];
      button.disabled = right?.allowed === false;
      set(button, { title: right?.allowed === false ? `${t('mayNot')}${right.why ? ': ' + right.why : ''}` : null });
    }
    buttons.undo.disabled ||= found.revisions.length < 2;
  }

  const pod_rows = new Map();
  function pod_row(pod) {
    if (!pod_rows.has(pod.name)) {
      const cells = Array.from({ length: 7 }, () => el('td'));
      const button = (word, doing, open) => el('button', { type: 'button', class: 'plain', disabled: rights[doing]?.allowed === false, onclick: () => open(namespace, pod.name, pod.containers) }, t(word));
      pod_rows.set(pod.name, { cells, row: el('tr', {}, ...cells, el('td', { class: 'num' }, button('logs', 'logs', logs), button('terminal', 'exec', terminal))) });
    }
    const { cells, row } = pod_rows.get(pod.name);
    [pod.name, String(pod.revision), pod.state, pod.ready, String(pod.restarts), span(now() - pod.created), pod.node].forEach((text, at) => { if (at !== 2) say(cells[at], text); });
    if (cells[2].dataset.shown !== pod.state + pod.why) {
      cells[2].dataset.shown = pod.state + pod.why;
      const kind = pod.leaving ? 'dim' : pod.is_ready ? 'done' : pod.why ? 'stuck' : 'progressing';
      cells[2].replaceChildren(el('span', { class: kind === 'dim' ? 'dim' : `state ${kind}`, 'data-sign': SIGNS[kind] ?? '' }, pod.state), pod.why ? el('div', { class: 'why small' }, pod.why) : '');
    }
    return row;
  }

  let shown_revisions = '';
  function revisions(found) {
    const value = JSON.stringify([found.revisions, found.last_healthy]);
    if (value === shown_revisions) return;
    shown_revisions = value;
    timeline.replaceChildren(...found.revisions.map((each, at) => el('li', { class: `${each.newest ? 'newest' : ''} ${each.healthy ? 'healthy' : ''}` },
      el('strong', {}, t('revision', each.number)), ' ', each.newest && el('span', { class: 'tag go' }, t('newest')), ' ', each.healthy && el('span', { class: 'tag ok' }, `✓ ${t('healthy')}`),
      el('div', { class: 'dim small' }, [each.when && t('ago', span(now() - each.when)), each.who && t('by', each.who), each.cause].filter(Boolean).join(' · ')),
      el('div', { class: 'mono' }, each.images.join(', ')), paths(each.changed),
      el('div', {}, at + 1 < found.revisions.length && el('button', { type: 'button', class: 'plain', onclick: () => difference(path, found.revisions, found.revisions[at + 1].number, each.number) }, t('compare')),
        !each.newest && el('button', { type: 'button', class: 'plain', disabled: rights.undo?.allowed === false, onclick: () => act(path, 'undo', latest.rollout, each.number, foresee) }, t('undoTo', each.number))))));
  }

  function take({ rollout: found, samples, now: then }) {
    latest = { rollout: found };
    const card = found.card;
    set(state, { class: `state ${card.state}`, 'data-sign': SIGNS[card.state] });
    say(state, t(card.state));
    say(ready, `${t('of', card.ready, card.wanted)} · ${card.updated} ${t('updated')} · ${card.available} ${t('available')}`);
    say(message, card.message);
    say(deadline, found.deadline_left === null ? '' : t('deadline', span(found.deadline_left)));
    say(strategy, `${t('strategy')}: ${JSON.stringify(found.strategy)}`);
    fill(pods, card);
    causes.hidden = !found.causes.length;
    causes.replaceChildren(el('strong', {}, t('causes')), ...found.causes.map(cause => el('div', {}, cause)));
    chart(plot, samples, card.wanted, forecast?.after !== card.revision ? forecast : null);
    show_steps(steps, found.steps, path, rights);
    revisions(found);
    table.replaceChildren(...found.pods.map(pod_row));
    for (const name of [...pod_rows.keys()]) if (!found.pods.some(pod => pod.name === name)) pod_rows.delete(name);
    say(hidden, found.hidden ? t('hidden', found.hidden) : '');
    rows(events, found.events.slice().reverse().map(each => [span(now() - each.last), each.type, each.reason, each.about, each.message + (each.count > 1 ? ` (×${each.count})` : '')]), t('events0'));
    rows(conditions, found.conditions.map(each => [each.type, each.status, each.reason, each.message]), '–');
    allow(found);
  }

  const over = text => { gone.hidden = false; say(gone, text); };
  const close = follow(`${path}/news`, { rollout: take, gone: text => { over(`${t('gone')} ${text}`); close(); }, refused: text => { over(text); close(); } }, shell.connection);
  return close;
}

export function paths(found) {
  return el('ul', { class: 'paths mono' }, ...found.map(each => el('li', {}, each.path, ': ',
    !each.added && el('span', { class: 'minus' }, `− ${text(each.old)}`), !each.added && !each.removed && ' ', !each.removed && el('span', { class: 'plus' }, `+ ${text(each.new)}`))));
}

const text = value => typeof value === 'string' ? value : JSON.stringify(value);

function rows(body, found, none) {
  const value = JSON.stringify(found);
  if (body.dataset.value === value) return;
  body.dataset.value = value;
  body.replaceChildren(...(found.length ? found.map(cells => el('tr', {}, ...cells.map(cell => el('td', {}, cell)))) : [el('tr', {}, el('td', { class: 'dim' }, none))]));
}
