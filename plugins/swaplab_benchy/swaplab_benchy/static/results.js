// What was measured: the table of results, what produced one, the best of each model.
import { html, nothing } from '../../../sdk/v1.js';
import { choice, common } from './charts.js';
import { mean, percent, when } from './text.js';

export function table(results, state, act, t) {
  return html`<table class="sl-table">
    <thead><tr>
      <th scope="col"><span class="sl-only-read">${t('compareColumn')}</span></th><th scope="col">${t('model')}</th>
      <th scope="col">${t('when')}</th><th scope="col">${t('tests')}</th><th scope="col" class="num">${t('pp_throughput')}</th>
      <th scope="col" class="num">${t('tg_throughput')}</th><th scope="col" class="num">${t('e2e_ttft')}</th>
      <th scope="col">${t('engine')}</th><th scope="col"><span class="sl-only-read">${t('remove')}</span></th>
    </tr></thead>
    <tbody>${results.map((result) => row(result, state, act, t))}</tbody>
  </table>`;
}

const row = (result, state, act, t) => html`<tr data-result=${result.id}>
  <td><input type="checkbox" aria-label=${t('choose', { model: result.provenance.model, when: when(result.created) })}
    .checked=${state.chosen.includes(result.id)} @change=${(event) => act.choose(result.id, event.target.checked)} /></td>
  <td>${result.provenance.model}${result.provenance.recipe
    ? html`<div class="sl-xs sl-muted">${result.provenance.recipe}</div>` : nothing}</td>
  <td class="sl-small">${when(result.created)}</td>
  <td class="sl-small">${result.points.map((point) => point.name).join(', ')}${scores(result, t)}</td>
  <td class="num">${first(result, 'pp_throughput')}</td><td class="num">${first(result, 'tg_throughput')}</td>
  <td class="num">${first(result, 'e2e_ttft')}</td>
  <td class="sl-small">${result.provenance.engine}<div class="sl-xs sl-muted">${result.provenance.hardware}</div></td>
  <td><button type="button" class="sl-btn small ghost" @click=${() => act.remove(result)}>${t('remove')}</button></td>
</tr>`;

const scores = (result, t) => result.scores.map((score) => html`<div>${score.task || score.suite}
  ${score.value == null
    ? html`<span class="sl-badge error" title=${score.failure}>${t('failed')}</span>`
    : html`<strong>${percent(score.value)}</strong>${score.error ? ` ± ${percent(score.error)}` : ''}`}</div>`);

/** At the first point, where most runs are comparable. */
const first = (result, metric) => mean(result.points.find((point) => point.metrics[metric])?.metrics[metric]);

/** What produced the chosen results. */
export function origin(result, t) {
  const known = result.provenance;
  const facts = [['recipe', known.recipe], ['launch', known.launch.join(' ')], ['engine', known.engine], ['image', known.image],
    ['node', known.node], ['hardware', known.hardware], ['driver', known.driver], ['runner', known.runner], ['ranAs', known.ran_as],
    ['options', JSON.stringify(known.options)]];
  return html`<details class="sl-card"><summary>${t('details')}: ${known.model} · ${when(result.created)}</summary>
    <dl class="body origin sl-small">${facts.filter(([, value]) => value).map(([name, value]) => html`<dt>${t(name)}</dt>
      <dd class="sl-mono">${value}</dd>`)}</dl></details>`;
}

/** The newest result of each model and recipe at one test, the fastest writer first. */
export function leaderboard(results, state, act, t) {
  const tests = common(results, 1);
  const test = tests.includes(state.board) ? state.board : tests[0];
  if (!test) return nothing;
  const newest = new Map();
  for (const result of results) {
    const key = `${result.provenance.model}\n${result.provenance.recipe}\n${result.provenance.node}`;
    const point = result.points.find((each) => each.name === test);
    if (point && !newest.has(key)) newest.set(key, { result, point });
  }
  const speed = (entry) => entry.point.metrics.tg_throughput?.mean ?? 0;
  const rows = [...newest.values()].sort((a, b) => speed(b) - speed(a));
  return html`<section class="sl-card" data-board=${test}>
    <header class="sl-row wrap"><h2 class="sl-grow">${t('leaderboard')}</h2>${choice(t('test'), tests, test, (board) => act.set({ board }))}</header>
    <div class="scroll"><table class="sl-table"><thead><tr><th scope="col" class="num">#</th><th scope="col">${t('model')}</th>
      <th scope="col" class="num">${t('tg_throughput')}</th><th scope="col" class="num">${t('pp_throughput')}</th>
      <th scope="col" class="num">${t('e2e_ttft')}</th><th scope="col">${t('node')}</th></tr></thead>
      <tbody>${rows.map(({ result, point }, at) => html`<tr><td class="num">${at + 1}</td>
        <th scope="row">${[result.provenance.model, result.provenance.recipe].filter(Boolean).join(' · ')}</th>
        <td class="num">${mean(point.metrics.tg_throughput)}</td><td class="num">${mean(point.metrics.pp_throughput)}</td>
        <td class="num">${mean(point.metrics.e2e_ttft)}</td><td class="sl-small">${result.provenance.node}</td></tr>`)}</tbody></table></div>
  </section>`;
}
