// Lines: a speed against depth, concurrency or prompt, a line for each chosen result and size; and a speed over time.
import { html, nothing, svg } from '../../../sdk/v1.js';
import { when } from './text.js';

export const METRICS = ['pp_throughput', 'tg_throughput', 'e2e_ttft'];
const AXES = ['depth', 'concurrency', 'prompt'];
const COLOURS = [1, 2, 3, 4, 5, 6].map((number) => `--sl-chart-${number}`);
const [HEIGHT, WIDTH, LEFT, BOTTOM, TOP] = [260, 640, 56, 36, 14];
const MOST_LINES = 12;

/** The axes along which the results differ, the first of them chosen when none is. */
const varying = (points) => AXES.filter((axis) => new Set(points.map((point) => point[axis])).size > 1);

export function charts(results, state, act, t) {
  const points = results.flatMap((result) => result.points).filter((point) => !point.is_prefill);
  if (!points.length) return nothing;
  const axes = varying(points);
  const axis = axes.includes(state.axis) ? state.axis : (axes[0] ?? 'depth');
  const lines = linesOf(results, axis, state.metric).slice(0, MOST_LINES);
  const label = t('chartOf', { metric: t(state.metric), axis: t(axis) });
  return html`<section class="sl-card" data-chart=${state.metric}>
    <header class="sl-row wrap"><h2 class="sl-grow">${label}</h2>
      ${picks(METRICS, state.metric, (metric) => act.set({ metric }), t)}
      ${axes.length > 1 ? picks(axes, axis, (chosen) => act.set({ axis: chosen }), t) : nothing}</header>
    <div class="body">${plot(lines, label, (value) => String(value))}${legend(lines)}</div>
  </section>`;
}

export function history(results, state, act, t) {
  const tests = common(results, 2);
  const test = tests.includes(state.test) ? state.test : tests[0];
  const title = html`<h2 class="sl-grow">${t('history')}</h2>`;
  if (!test) return html`<section class="sl-card"><header>${title}</header><p class="body sl-muted">${t('noHistory')}</p></section>`;
  const lines = overTime(results, test, state.metric);
  const label = t('historyOf', { metric: t(state.metric), test });
  return html`<section class="sl-card" data-history=${test}>
    <header class="sl-row wrap">${title}${picks(METRICS, state.metric, (metric) => act.set({ metric }), t)}
      ${choice(t('test'), tests, test, (chosen) => act.set({ test: chosen }))}</header>
    <div class="body">${plot(lines, label, when)}${legend(lines)}</div>
  </section>`;
}

/** Names of tests that at least `least` results have, the most common first. */
export function common(results, least) {
  const counts = new Map();
  for (const result of results) for (const point of result.points) counts.set(point.name, (counts.get(point.name) ?? 0) + 1);
  return [...counts].filter(([, count]) => count >= least).sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

export const choice = (label, values, chosen, onchange) => html`<label class="sl-small">${label}
  <select class="sl-input" @change=${(event) => onchange(event.target.value)}>
    ${values.map((value) => html`<option value=${value} ?selected=${value === chosen}>${value}</option>`)}</select></label>`;

const picks = (names, chosen, onpick, t) => html`<span class="sl-row" role="group">${names.map((name) => html`<button
  type="button" class="sl-btn small ${name === chosen ? 'primary' : ''}" aria-pressed=${name === chosen}
  @click=${() => onpick(name)}>${t(name)}</button>`)}</span>`;

function linesOf(results, axis, metric) {
  const lines = new Map();
  for (const result of results) {
    for (const point of result.points.filter((each) => each.metrics[metric] && !each.is_prefill)) {
      const sizes = AXES.filter((each) => each !== axis && (each !== 'depth' || point.depth)).map((each) => short(each, point[each]));
      const name = [result.provenance.model, when(result.created), ...sizes, `tg${point.response}`].join(' · ');
      const key = `${result.id} ${name}`;
      if (!lines.has(key)) lines.set(key, { name, dots: [] });
      lines.get(key).dots.push({ x: point[axis], ...point.metrics[metric] });
    }
  }
  return sorted([...lines.values()]);
}

const short = (axis, value) => ({ depth: `d${value}`, concurrency: `x${value}`, prompt: `pp${value}` })[axis];

function overTime(results, test, metric) {
  const lines = new Map();
  for (const result of results) {
    const numbers = result.points.find((point) => point.name === test)?.metrics[metric];
    const name = [result.provenance.model, result.provenance.recipe].filter(Boolean).join(' · ');
    if (!numbers) continue;
    if (!lines.has(name)) lines.set(name, { name, dots: [] });
    lines.get(name).dots.push({ x: result.created, ...numbers });
  }
  return sorted([...lines.values()]);
}

const sorted = (lines) => lines.map((line) => ({ ...line, dots: line.dots.sort((a, b) => a.x - b.x) }));

/** Values of x stand beside each other in even steps: depths double, days are missed. */
function plot(lines, label, named) {
  const xs = [...new Set(lines.flatMap((line) => line.dots.map((dot) => dot.x)))].sort((a, b) => a - b);
  const most = Math.max(...lines.flatMap((line) => line.dots.map((dot) => dot.mean + dot.std)), 0) * 1.05 || 1;
  const step = (WIDTH - LEFT - 24) / Math.max(1, xs.length - 1);
  const x = (value) => LEFT + 12 + (xs.length === 1 ? (WIDTH - LEFT - 24) / 2 : xs.indexOf(value) * step);
  const y = (value) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - TOP);
  const every = Math.ceil(xs.length / 7);
  return html`<div class="scroll"><svg class="plot" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${label}>
    ${[0, 0.25, 0.5, 0.75, 1].map((share) => svg`<g><line x1=${LEFT} x2=${WIDTH} y1=${y(share * most)} y2=${y(share * most)} class="rule"></line>
      <text x=${LEFT - 8} y=${y(share * most) + 4} text-anchor="end">${rounded(share * most)}</text></g>`)}
    ${xs.map((value, at) => (at % every ? nothing : svg`<text x=${x(value)} y=${HEIGHT - 12} text-anchor="middle">${named(value)}</text>`))}
    ${lines.map((line, index) => one(line, COLOURS[index % COLOURS.length], x, y))}
  </svg></div>`;
}

const rounded = (value) => (value >= 100 ? Math.round(value) : value.toFixed(1));

const one = (line, colour, x, y) => svg`<g style="--line:var(${colour})">
  <polyline points=${line.dots.map((dot) => `${x(dot.x)},${y(dot.mean)}`).join(' ')}></polyline>
  ${line.dots.map((dot) => svg`<g><title>${`${line.name}: ${dot.mean.toFixed(1)} ± ${dot.std.toFixed(1)}`}</title>
    <line x1=${x(dot.x)} x2=${x(dot.x)} y1=${y(dot.mean - dot.std)} y2=${y(dot.mean + dot.std)} class="spread"></line>
    <circle cx=${x(dot.x)} cy=${y(dot.mean)} r="4"></circle></g>`)}</g>`;

const legend = (lines) => html`<ul class="legend sl-small">${lines.map((line, index) => html`<li class="sl-row">
  <span class="key" style="background:var(${COLOURS[index % COLOURS.length]})"></span>${line.name}</li>`)}</ul>`;
