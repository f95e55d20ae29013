// What a button asks for: its values, a dry run that says what would change, and only then the deed.

import { closing, dialog } from './dialog.js';
import { el, say } from './dom.js';
import { paths } from './rollout.js';
import { ask } from './server.js';
import { span, t } from './text.js';

const NEW_PODS = ['undo', 'image', 'restart'];

export const said = forecast => `${t('forecast')}: ${forecast.duration === null ? forecast.stopped : t('takes', span(forecast.duration))} · ${t('least', forecast.lowest_available, forecast.wanted)} · ${t('most', forecast.most_pods)}`;

// `done`: called with the forecast that was made before, or null
export function act(path, doing, rollout, revision, done) {
  const { fields, body } = form(doing, rollout, revision);
  const preview = el('div', { role: 'status' });
  const rehearse = el('button', { type: 'button', hidden: !NEW_PODS.includes(doing), onclick: foresee }, t('rehearse'));
  const foreseen = el('div', { role: 'status' });
  const confirm = el('button', { type: 'button', class: doing === 'undo' ? 'danger' : 'main', disabled: true, onclick: carry_out }, t('confirm'));
  const made = dialog(`${t(doing)}: ${rollout.card.name}`, ...fields, preview, foreseen, el('div', { class: 'end' }, rehearse, closing(() => made, 'cancel'), confirm));
  let asked = 0, waiting, forecast = null;

  async function attempt() {
    const mine = ++asked;
    confirm.disabled = true;
    preview.replaceChildren(el('p', { class: 'dim' }, t('checking')));
    try {
      const found = await ask(`${path}/${doing}`, { ...body(), dryRun: true });
      if (mine !== asked) return;
      preview.replaceChildren(el('p', { class: 'message' }, found.differences.length || found.fields.length ? t('tried') : t('noChange'), paths(found.differences),
        el('ul', { class: 'paths mono' }, ...found.fields.map(([name, old, now]) => el('li', {}, `spec.${name}: `, el('span', { class: 'minus' }, `− ${JSON.stringify(old)}`), ' ', el('span', { class: 'plus' }, `+ ${JSON.stringify(now)}`)))),
        found.config.length > 0 && el('div', {}, `${t('config')}: ${found.config.join(', ')}`)));
      confirm.disabled = false;
    } catch (error) { if (mine === asked) refused(error); }
  }

  function refused(error) {
    preview.replaceChildren(el('p', { class: 'message bad', role: 'alert' }, `${t('refused')}: ${error.message}`));
  }

  async function foresee() {
    rehearse.disabled = true;
    foreseen.replaceChildren(el('p', { class: 'dim' }, t('rehearsing')));
    try {
      forecast = await ask(`${path}/${doing}/forecast`, body());
      foreseen.replaceChildren(el('p', { class: `message ${forecast.duration === null ? 'bad' : 'ok'}` }, said(forecast)), ...forecast.notes.map(note => el('p', { class: 'dim small' }, note)));
    } catch (error) { foreseen.replaceChildren(el('p', { class: 'message bad', role: 'alert' }, error.message)); }
    rehearse.disabled = false;
  }

  async function carry_out() {
    confirm.disabled = true;
    try { await ask(`${path}/${doing}`, body()); done(forecast); made.close(); } catch (error) { refused(error); }
  }

  made.addEventListener('input', () => { confirm.disabled = true; clearTimeout(waiting); waiting = setTimeout(attempt, 250); });
  made.addEventListener('submit', event => event.preventDefault());
  // an image and a size are asked for first: nothing has been chosen yet
  if (!['image', 'scale'].includes(doing)) attempt();
}

function form(doing, rollout, revision) {
  const cause = labelled('cause', el('input', { type: 'text', id: 'cause', autocomplete: 'off' }));
  const why = () => cause.field.value ? { cause: cause.field.value } : {};
  if (doing === 'undo') {
    const to = labelled('toRevision', el('select', { id: 'to' }, ...choices(rollout).map(([value, word]) => el('option', { value, selected: Number(value) === revision }, word))));
    const config = el('input', { type: 'checkbox', id: 'config' });
    return { fields: [...to.nodes, ...cause.nodes, el('label', {}, config, ' ', t('withConfig'))], body: () => ({ revision: Number(to.field.value), with_config: config.checked, ...why() }) };
  }
  if (doing === 'scale') {
    const replicas = labelled('replicas', el('input', { type: 'number', id: 'replicas', min: 0, value: rollout.card.wanted }));
    return { fields: replicas.nodes, body: () => ({ replicas: Number(replicas.field.value) }) };
  }
  if (doing === 'image') {
    const images = rollout.containers.map((name, at) => ({ name, ...labelled('container', el('input', { type: 'text', id: `image-${at}`, value: rollout.card.images[at] ?? '' }), name) }));
    return { fields: [...images.flatMap(each => each.nodes), ...cause.nodes], body: () => ({ images: Object.fromEntries(images.map(each => [each.name, each.field.value])), ...why() }) };
  }
  return { fields: doing === 'restart' ? cause.nodes : [], body: () => doing === 'restart' ? why() : {} };
}

function choices(rollout) {
  const numbers = rollout.revisions.filter(each => !each.newest).map(each => [String(each.number), `${each.number} · ${each.images.join(', ')}${each.healthy ? ` · ✓ ${t('healthy')}` : ''}`]);
  return [['0', t('before')], ...(rollout.last_healthy ? [['-1', `${t('lastHealthy')} (${rollout.last_healthy})`]] : []), ...numbers];
}

function labelled(word, field, more = '') {
  return { field, nodes: [el('label', { for: field.id }, t(word), more && ` ${more}`), field] };
}
