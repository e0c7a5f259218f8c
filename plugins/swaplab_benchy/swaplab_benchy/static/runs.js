// The page Benchmarks: runs as they go, results as a table and charts, two or more of them compared.
// A plain module: no build. `host` gives the API, the events and the shell's dialogs; lit-html escapes every text.
import { html, nothing, render, svg } from '../../../sdk/v1.js';

const METRICS = [
  ['pp_throughput', 'Reading (tokens/s)'],
  ['tg_throughput', 'Writing (tokens/s)'],
  ['e2e_ttft', 'To first token (ms)'],
];
const COLOURS = ['--sl-chart-1', '--sl-chart-2', '--sl-chart-3', '--sl-chart-4', '--sl-chart-5', '--sl-chart-6'];
const MOST_CHOSEN = 6;
const OVER = new Set(['succeeded', 'failed', 'cancelled', 'interrupted']);

export function mount(el, host) {
  const state = { runs: [], results: [], chosen: [], comparison: null, model: '', metric: 'tg_throughput', error: '' };
  const draw = () => render(page(state, act, host), el);
  const set = (change) => {
    Object.assign(state, change);
    draw();
  };

  async function refresh() {
    try {
      const [runs, results] = await Promise.all([host.api.get('api/benchy'), host.api.get('api/benchy/results')]);
      set({ runs: runs.runs, results: results.results, error: '' });
    } catch (error) {
      set({ error: String(error.message ?? error) });
    }
  }
  async function compare() {
    const [a, b] = state.chosen;
    if (state.chosen.length !== 2) return set({ comparison: null });
    try {
      set({ comparison: await host.api.get('api/benchy/compare', { query: { a, b } }), error: '' });
    } catch (error) {
      set({ comparison: null, error: String(error.message ?? error) });
    }
  }
  const act = {
    set,
    choose(id, isChosen) {
      const rest = state.chosen.filter((each) => each !== id);
      set({ chosen: isChosen ? [...rest, id].slice(-MOST_CHOSEN) : rest });
      void compare();
    },
    async remove(result) {
      const yes = await host.confirm({ title: 'Delete this result?', danger: true });
      if (!yes) return;
      await host.api.delete(`api/benchy/results/${result.id}`);
      act.choose(result.id, false);
      await refresh();
    },
    async cancel(run) {
      await host.api.post(`api/benchy/${run.id}/cancel`);
      await refresh();
    },
  };

  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 300);
  };
  const off = host.events.on('job.updated', (job) => {
    if (!job?.kind || job.kind.startsWith('benchy:')) later();
  });
  draw();
  void refresh();
  return {
    update: draw,
    unmount() {
      off?.();
      clearTimeout(timer);
      render(nothing, el);
    },
  };
}

function page(state, act, host) {
  const running = state.runs.filter((run) => !OVER.has(run.state));
  const failed = state.runs.filter((run) => run.state === 'failed').slice(0, 3);
  const models = [...new Set(state.results.map((result) => result.provenance.model))].sort();
  const shown = state.results.filter((result) => !state.model || result.provenance.model === state.model);
  const chosen = state.results.filter((result) => state.chosen.includes(result.id));
  return html`<div class="benchy sl-stack">
    <div class="sl-row wrap">
      <sl-action action="benchy:run"></sl-action>
      <sl-action action="benchy:install"></sl-action>
      <span class="sl-grow"></span>
      <a class="sl-btn small" href=${host.api.address('benchy/export?format=csv')} download="bench.csv">CSV</a>
      <a class="sl-btn small" href=${host.api.address('benchy/export?format=json')} download="bench.json">JSON</a>
      <a class="sl-btn small" href=${host.api.address('benchy/export?format=markdown')} download="bench.md"
        >Markdown</a
      >
    </div>
    ${state.error ? html`<p class="sl-callout error" role="alert">${state.error}</p>` : nothing}
    ${running.length ? html`<section class="sl-card"><header>Running and waiting</header>
          <div class="body sl-stack">${running.map((run) => live(run, act))}</div></section>` : nothing}
    ${failed.map(
      (run) => html`<p class="sl-callout error"><strong>${run.model}</strong> ${run.error}
          <a href="#/jobs/${run.job}">Log</a></p>`,
    )}
    <section class="sl-card">
      <header class="sl-row">
        <span class="sl-grow">Results</span>
        <label class="sl-small">Model
          <select class="sl-input" @change=${(event) => act.set({ model: event.target.value })}>
            <option value="">all</option>
            ${models.map((model) => html`<option value=${model} ?selected=${model === state.model}>${model}</option>`)}
          </select>
        </label>
      </header>
      <div class="scroll">${shown.length ? table(shown, state, act) : empty()}</div>
    </section>
    ${chosen.length ? charts(chosen, state, act) : nothing}
    ${state.comparison ? comparison(state.comparison) : nothing}
  </div>`;
}

const empty = () => html`<p class="body sl-muted">
  No results yet. Run a benchmark: each one is kept here with what produced it, so that the next can be compared with it.
</p>`;

function live(run, act) {
  const fraction = run.progress?.fraction;
  const eta = run.progress?.etaSeconds;
  return html`<div class="run">
    <div class="sl-row wrap">
      <strong>${run.queueCurrentModel ?? run.model}</strong>
      <span class="sl-badge ${run.state === 'running' ? 'warn' : ''}">${run.state}</span>
      <span class="sl-small sl-muted sl-grow"
        >${run.progress?.stage ?? ''}${eta ? ` · about ${Math.round(eta)} s left` : ''}</span
      >
      <a class="sl-btn small ghost" href="#/jobs/${run.job}">Log</a>
      <button type="button" class="sl-btn small" @click=${() => act.cancel(run)}>Cancel</button>
    </div>
    <div class="sl-bar ${fraction == null ? 'busy' : ''}" role="progressbar" aria-label="Progress"
      aria-valuenow=${fraction == null ? nothing : Math.round(fraction * 100)} aria-valuemin="0" aria-valuemax="100">
      <span style="width:${(fraction ?? 0.3) * 100}%"></span>
    </div>
  </div>`;
}

function table(results, state, act) {
  return html`<table class="sl-table">
    <thead><tr>
      <th scope="col"><span class="sl-only-read">Compare</span></th><th scope="col">Model</th><th scope="col">When</th>
      <th scope="col">Tests</th><th scope="col" class="num">Reading t/s</th><th scope="col" class="num">Writing t/s</th>
      <th scope="col">Engine</th><th scope="col"></th>
    </tr></thead>
    <tbody>${results.map((result) => html`<tr>
      <td><input type="checkbox" aria-label="Compare ${result.provenance.model} ${when(result)}"
        .checked=${state.chosen.includes(result.id)} @change=${(event) => act.choose(result.id, event.target.checked)} /></td>
      <td>${result.provenance.model}${result.provenance.recipe
        ? html`<div class="sl-xs sl-muted">${result.provenance.recipe}</div>` : nothing}</td>
      <td class="sl-small">${when(result)}</td>
      <td class="sl-small">${result.points.map((point) => point.name).join(', ')}</td>
      <td class="num">${best(result, 'pp_throughput')}</td>
      <td class="num">${best(result, 'tg_throughput')}</td>
      <td class="sl-small">${result.provenance.engine}<div class="sl-xs sl-muted">${result.provenance.hardware}</div></td>
      <td><button type="button" class="sl-btn small ghost" @click=${() => act.remove(result)}>Delete</button></td>
    </tr>`)}</tbody>
  </table>`;
}

const when = (result) => new Date(result.created * 1000).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' });

/** The mean at the first point, where most runs are comparable. */
function best(result, metric) {
  const numbers = result.points.find((point) => point.metrics[metric])?.metrics[metric];
  return numbers ? `${numbers.mean.toFixed(1)} ± ${numbers.std.toFixed(1)}` : '';
}

function charts(results, state, act) {
  const title = METRICS.find(([name]) => name === state.metric)?.[1];
  const tests = [...new Map(results.flatMap((result) => result.points).map((point) => [point.name, point])).values()];
  tests.sort((a, b) => a.depth - b.depth || a.prompt - b.prompt || a.concurrency - b.concurrency);
  const most = Math.max(...results.flatMap((each) => each.points.map((p) => p.metrics[state.metric]?.mean ?? 0)), 1);
  const [height, left, gap] = [220, 48, 14];
  const group = results.length * 16 + gap;
  const width = left + tests.length * group + gap;
  const bars = tests.flatMap((test, at) =>
    results.map((result, index) => {
      const numbers = result.points.find((point) => point.name === test.name)?.metrics[state.metric];
      if (!numbers) return nothing;
      const size = (numbers.mean / most) * (height - 50);
      const spread = (numbers.std / most) * (height - 50);
      const x = left + at * group + index * 16;
      const y = height - 30 - size;
      return svg`<g><title>${`${result.provenance.model} · ${test.name}: ${numbers.mean.toFixed(1)} ± ${numbers.std.toFixed(1)}`}</title>
        <rect x=${x} y=${y} width="13" height=${size} rx="2" style="fill:var(${COLOURS[index % COLOURS.length]})"></rect>
        <line x1=${x + 6.5} x2=${x + 6.5} y1=${y - spread} y2=${y + spread} style="stroke:var(--sl-text)"></line></g>`;
    }),
  );
  const ticks = [0, 0.5, 1].map((share) => {
    const y = height - 30 - share * (height - 50);
    return svg`<g><line x1=${left - 4} x2=${width} y1=${y} y2=${y} style="stroke:var(--sl-line)"></line>
      <text x=${left - 8} y=${y + 4} text-anchor="end">${Math.round(share * most)}</text></g>`;
  });
  const names = tests.map(
    (test, at) => svg`<text x=${left + at * group + (group - gap) / 2} y=${height - 12} text-anchor="middle">${test.name}</text>`,
  );
  return html`<section class="sl-card">
    <header class="sl-row"><span class="sl-grow">${title}</span>
      ${METRICS.map(([name, label]) => html`<button type="button" class="sl-btn small ${name === state.metric ? 'primary' : ''}"
        aria-pressed=${name === state.metric} @click=${() => act.set({ metric: name })}>${label}</button>`)}
    </header>
    <div class="body scroll">
      <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label="${title} of the chosen results">
        ${ticks}${bars}${names}
      </svg>
      <p class="sl-row wrap sl-small">${results.map((result, index) => html`<span class="sl-row">
        <span class="key" style="background:var(${COLOURS[index % COLOURS.length]})"></span>${result.provenance.model} · ${when(result)}</span>`)}</p>
    </div>
  </section>`;
}

const LOOKS = { better: 'ok', same: 'info', worse: 'error', inconclusive: 'warn' };

function comparison(found) {
  return html`<section class="sl-card" aria-live="polite">
    <header class="sl-row"><span class="sl-grow">${found.b.model} against ${found.a.model}</span>
      <span class="sl-badge ${LOOKS[found.verdict]}">${found.verdict}</span></header>
    <div class="body sl-stack">
      ${found.same_launch ? nothing : html`<p class="sl-small sl-muted">The two were started with different commands.</p>`}
      ${found.metrics.map((metric) => html`<div>
        <strong>${METRICS.find(([name]) => name === metric.metric)?.[1] ?? metric.metric}</strong>
        <span class="sl-badge ${LOOKS[metric.verdict]}">${metric.verdict}</span>
        <span class="sl-small sl-muted">${metric.reason}</span>
        <table class="sl-table"><tbody>${metric.points.map((point) => html`<tr>
          <th scope="row">${point.test}</th><td class="num">${point.a.toFixed(1)}</td><td class="num">${point.b.toFixed(1)}</td>
          <td class="num">${(point.change * 100).toFixed(1)} %</td></tr>`)}</tbody></table></div>`)}
    </div></section>`;
}
