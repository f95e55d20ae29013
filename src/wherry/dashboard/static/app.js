// The frame of the page: who looks, which view, in which language, and whether the news still come.

import { board } from './board.js';
import { $, el, say } from './dom.js';
import { ask, enter } from './server.js';
import { change, language, t } from './text.js';

let leaveView = () => {};

const shell = {
  connection(state) {
    say($('connection'), `${state === 'lost' ? '✕' : '●'} ${t(state)}`);
    $('connection').className = state;
  },
  trouble(lines) {
    $('trouble').hidden = !lines?.length;
    say($('trouble'), (lines ?? []).join('\n'));
  },
};

function frame() {
  document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en';
  say($('skip'), t('skip'));
  say($('language'), t('language'));
  say($('leave'), t('leave'));
}

async function show() {
  leaveView();
  leaveView = () => {};
  shell.trouble([]);
  frame();
  const [, namespace, plural, name] = location.hash.match(/^#\/([^/]+)\/([^/]+)\/([^/]+)$/) ?? [];
  if (name) {
    const { rollout } = await import('./rollout.js');
    leaveView = rollout($('main'), shell, { namespace, plural, name });
  } else leaveView = board($('main'), shell);
}

function signIn(way) {
  frame();
  const failure = el('p', { class: 'message bad', role: 'alert', hidden: !way.failure }, way.failure || '');
  if (!way.byToken) {
    $('main').replaceChildren(el('div', { class: 'panel sign-in' }, el('h1', {}, t('signIn')), el('p', {}, t('useLink')), failure));
    return;
  }
  const field = el('input', { type: 'password', id: 'token', autocomplete: 'off', required: true });
  const form = el('form', { class: 'panel sign-in', onsubmit: async event => {
    event.preventDefault();
    try { await ask('/api/login', { token: field.value.trim() }); location.reload(); } catch (error) { failure.hidden = false; say(failure, error.message); }
  } }, el('h1', {}, t('signIn')), el('label', { for: 'token' }, t('token')), field, el('p', { class: 'dim small' }, t('tokenHelp')), failure,
    el('button', { class: 'main' }, t('signIn')));
  $('main').replaceChildren(form);
  field.focus();
}

async function begin() {
  const way = await enter();
  if (way.user === null) return signIn(way);
  say($('user'), way.user);
  $('leave').hidden = false;
  addEventListener('hashchange', () => { if (location.hash !== '#main') { $('main').focus(); show(); } });
  await show();
}

$('skip').addEventListener('click', event => { event.preventDefault(); $('main').focus(); });
$('language').addEventListener('click', async () => { change(); const way = await enter(); way.user === null ? signIn(way) : show(); });
$('leave').addEventListener('click', async () => { await ask('/api/logout', {}); location.reload(); });
begin();
