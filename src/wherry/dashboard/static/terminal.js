// A shell in a container, over the API's own channels (v5: 0 stdin, 1 stdout, 2 stderr, 3 status, 4 size). A plain terminal: lines, colours left
// out, carriage return and backspace; programs that draw whole screens want a real one (kubectl exec -it).

import { closing, dialog } from './dialog.js';
import { el } from './dom.js';
import { t } from './text.js';

const KEYS = { Enter: '\r', Backspace: '\x7f', Tab: '\t', Escape: '\x1b', ArrowUp: '\x1b[A', ArrowDown: '\x1b[B', ArrowRight: '\x1b[C', ArrowLeft: '\x1b[D', Home: '\x1b[H', End: '\x1b[F', Delete: '\x1b[3~' };
const CONTROL = /\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\^_=>]/g;
const MOST = 200000;

export function terminal(namespace, pod, containers) {
  const container = el('select', { 'aria-label': t('container') }, ...containers.map(name => el('option', {}, name)));
  const command = el('input', { type: 'text', value: '/bin/sh', 'aria-label': t('command') });
  const open = el('button', { type: 'button', class: 'main', onclick: connect }, t('open'));
  const screen = el('pre', { class: 'log', tabindex: 0, 'aria-label': t('terminal'), onkeydown: key, onpaste: event => { event.preventDefault(); send(event.clipboardData.getData('text')); } });
  const made = dialog(`${t('terminal')}: ${pod}`, el('div', { class: 'bar-row' }, container, command, open), screen, el('div', { class: 'end' }, closing(() => made)));
  made.onleave = () => socket?.close();
  // Escape belongs to the shell while the terminal has the keyboard
  made.addEventListener('cancel', event => { if (document.activeElement === screen) event.preventDefault(); });
  let socket, shown = '', rest = '';
  const decoder = new TextDecoder(), encoder = new TextEncoder();

  function connect() {
    socket?.close();
    shown = rest = '';
    const query = new URLSearchParams([['container', container.value], ...command.value.split(/\s+/).filter(Boolean).map(word => ['command', word])]);
    socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/pods/${namespace}/${pod}/terminal?${query}`, ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    socket.binaryType = 'arraybuffer';
    const mine = socket;
    socket.onopen = () => { frame(4, encoder.encode(JSON.stringify({ Width: 100, Height: 30 }))); screen.focus(); };
    socket.onmessage = event => { if (mine === socket) receive(new Uint8Array(event.data)); };
    socket.onclose = event => { if (mine === socket) write(`\n[${t('ended')}${event.reason ? ' ' + event.reason : ''}]\n`); };
  }

  function receive(bytes) {
    const [channel] = bytes, data = bytes.subarray(1);
    if (channel === 1 || channel === 2) write(decoder.decode(data, { stream: true }));
    if (channel === 3 && data.length) {
      const status = JSON.parse(new TextDecoder().decode(data));
      if (status.status !== 'Success') write(`\n[${status.message}]\n`);
    }
  }

  function write(piece) {
    rest += piece;
    const cut = rest.match(/\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?$/);
    const whole = cut ? rest.slice(0, cut.index) : rest;
    rest = cut ? cut[0] : '';
    let line = shown.slice(shown.lastIndexOf('\n') + 1), before = shown.slice(0, shown.length - line.length), at = line.length;
    for (const sign of whole.replace(CONTROL, '')) {
      if (sign === '\n') { before += line + '\n'; line = ''; at = 0; }
      else if (sign === '\r') at = 0;
      else if (sign === '\b') at = Math.max(0, at - 1);
      else if (sign >= ' ' || sign === '\t') { line = line.slice(0, at) + sign + line.slice(at + 1); at += 1; }
    }
    shown = (before + line.slice(0, Math.max(at, line.trimEnd().length))).slice(-MOST);
    screen.textContent = shown;
    screen.scrollTop = screen.scrollHeight;
  }

  function key(event) {
    if (event.key === 'Tab' && event.shiftKey) return;
    const held = event.ctrlKey && /^[a-z]$/i.test(event.key) ? String.fromCharCode(event.key.toUpperCase().charCodeAt(0) - 64) : undefined;
    if (held && (event.key === 'v' || (event.key === 'c' && getSelection().toString()))) return;
    const text = held ?? KEYS[event.key] ?? (event.key.length === 1 && !event.metaKey ? event.key : undefined);
    if (text === undefined) return;
    event.preventDefault();
    send(text);
  }

  const send = text => frame(0, encoder.encode(text));
  function frame(channel, data) {
    if (socket?.readyState !== WebSocket.OPEN) return;
    const whole = new Uint8Array(data.length + 1);
    whole[0] = channel;
    whole.set(data, 1);
    socket.send(whole);
  }
}
