// Ready pods over time: old under new, the wanted number as a line. Drawn anew when there are more moments; said in words beside it.

import { el, svg } from './dom.js';
import { span, t } from './text.js';

const WIDTH = 600, HEIGHT = 170, LEFT = 34, BOTTOM = 22, TOP = 8;

export function chart(place, samples, wanted, forecast = null) {
  if (!samples.length) return;
  const last = samples[samples.length - 1], key = `${samples.length} ${last.at} ${wanted} ${forecast?.begun}`;
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  // a moment holds until the next one; what was before the last rollout is shown no longer than a tenth of it
  const first = samples.findIndex(s => s.revision === last.revision), shown = samples.slice(Math.max(0, first - 1));
  const end = Math.max(last.at + 1, forecast ? samples[first].at + (forecast.duration ?? 0) : 0), from = samples[first].at, begin = shown.length > 1 ? Math.max(shown[0].at, from - (end - from) / 9) : from;
  samples = [{ ...shown[0], at: Math.max(begin, shown[0].at) }, ...shown.slice(1)];
  const most = Math.max(wanted, ...samples.map(s => s.new + s.old + s.starting), 1);
  const x = at => LEFT + (WIDTH - LEFT - 4) * (at - begin) / (end - begin), y = n => HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * n / most;
  const area = (low, high) => {
    const steps = samples.map((s, at) => [x(s.at), x(samples[at + 1]?.at ?? end), low(s), high(s)]);
    const over = steps.flatMap(([from, to, , top]) => [`${from},${y(top)}`, `${to},${y(top)}`]), under = steps.reverse().flatMap(([from, to, bottom]) => [`${to},${y(bottom)}`, `${from},${y(bottom)}`]);
    return [...over, ...under].join(' ');
  };
  const colour = name => `var(--${name}-fill)`;
  place.replaceChildren(svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart', role: 'img', preserveAspectRatio: 'none', 'aria-label': `${t('new')} ${last.new}, ${t('old')} ${last.old}, ${t('starting')} ${last.starting}, ${t('wanted')} ${wanted}` },
    ...[0, Math.ceil(most / 2), most].flatMap(n => [svg('line', { class: 'grid', x1: LEFT, x2: WIDTH, y1: y(n), y2: y(n) }), svg('text', { x: 2, y: y(n) + 4 }, String(n))]),
    svg('polygon', { points: area(() => 0, s => s.new), fill: colour('ok') }),
    svg('polygon', { points: area(s => s.new, s => s.new + s.old), fill: colour('old') }),
    svg('polygon', { points: area(s => s.new + s.old, s => s.new + s.old + s.starting), fill: colour('go'), opacity: .55 }),
    svg('line', { x1: LEFT, x2: WIDTH, y1: y(wanted), y2: y(wanted), stroke: 'currentColor', 'stroke-dasharray': '5 4' }),
    ...(forecast ? [svg('polyline', { points: foretold(forecast.timeline, from, x, y), fill: 'none', stroke: 'currentColor', 'stroke-width': 1.5, 'stroke-dasharray': '2 3' })] : []),
    svg('text', { x: LEFT, y: HEIGHT - 6 }, t('ago', span(Date.now() / 1000 - begin)))),
  el('p', { class: 'legend small dim' }, ...[['ok', 'new', last.new], ['old', 'old', last.old], ['go', 'starting', last.starting]].map(([fill, word, n]) => {
    const mark = el('i');
    mark.style.background = colour(fill);
    return el('span', {}, mark, `${t(word)} ${n}`);
  }), el('span', {}, `┄ ${t('wanted')} ${wanted}`), ...(forecast ? [el('span', {}, `┈ ${t('forecast')}`)] : [])));
}

// Available pods as the rehearsal had them, from the moment the rollout began.
function foretold(timeline, from, x, y) {
  return timeline.flatMap((moment, at) => [`${x(from + moment.at)},${y(moment.available)}`, ...(timeline[at + 1] ? [`${x(from + timeline[at + 1].at)},${y(moment.available)}`] : [])]).join(' ');
}
