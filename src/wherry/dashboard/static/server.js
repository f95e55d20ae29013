// Questions to the server, and news from it. A broken connection is said, and mended by the browser itself.

let token = '';

export async function ask(path, body) {
  const options = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token } };
  const answer = await fetch(path, options);
  const value = answer.headers.get('Content-Type')?.startsWith('application/json') ? await answer.json() : {};
  if (!answer.ok) throw Object.assign(new Error(value.message || answer.statusText), { code: answer.status, reason: value.reason });
  return value;
}

// Who is signed in, or null; the key of a link is used up on the way.
export async function enter() {
  const key = location.hash.match(/^#key=(.+)$/)?.[1];
  let failure = '';
  if (key) {
    history.replaceState(null, '', location.pathname);
    try { await ask('/api/login', { key }); } catch (error) { failure = error.message; }
  }
  const found = await ask('/api/way-in');
  token = found.token || '';
  return { ...found, failure: found.user === null ? failure : '' };
}

// `on`: kind of news -> what to do with its value. Gives what closes it.
export function follow(path, on, connection) {
  const source = new EventSource(path);
  connection('connecting');
  source.onopen = () => connection('live');
  source.onerror = async () => {
    connection('lost');
    if (source.readyState !== EventSource.CLOSED) return;
    try { if ((await ask('/api/way-in')).user === null) location.reload(); } catch { /* said already: the connection is lost */ }
    again = setTimeout(() => { close = follow(path, on, connection); }, 2000);
  };
  for (const [kind, act] of Object.entries(on)) source.addEventListener(kind, event => act(JSON.parse(event.data)));
  let again, close = () => source.close();
  return () => { clearTimeout(again); close(); };
}
