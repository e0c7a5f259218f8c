// The page Benchmarks, and the tab of a model: runs as they go, results, charts, history, comparison.
// A plain module: no build. `host` gives the API, the events and the shell's dialogs; lit-html escapes every text.
import { html, nothing, render } from '../../../sdk/v1.js';
import { charts, history } from './charts.js';
import { comparison } from './compare.js';
import { isOver, runs } from './live.js';
import { leaderboard, origin, table } from './results.js';
import { wordsOf } from './text.js';

const MOST_CHOSEN = 6;
const FORMS = [['csv', 'CSV', 'bench.csv'], ['json', 'JSON', 'bench.json'], ['markdown', 'Markdown', 'bench.md']];

export function mount(el, host) {
  const t = wordsOf(host);
  const state = { runs: [], results: [], chosen: [], logs: [], comparison: null, model: '', recipe: '', metric: 'tg_throughput',
    axis: '', test: '', board: '', error: '', only: host.props.model ?? '' };
  const draw = () => render(page(state, act, host, t), el);
  const set = (change) => {
    Object.assign(state, change);
    draw();
  };
  const tell = (error) => host.signal.aborted || set({ error: String(error.message ?? error) });

  async function refresh() {
    try {
      const query = state.only ? { model: state.only } : {};
      const [known, found] = await Promise.all([host.api.get('benchy'), host.api.get('benchy/results', { query })]);
      const ours = (run) => !state.only || [run.model, ...(run.queueModels ?? [])].includes(state.only);
      set({ runs: known.runs.filter(ours), results: found.results, error: '' });
    } catch (error) {
      tell(error);
    }
  }
  async function compare() {
    const made = (id) => state.results.find((result) => result.id === id)?.created ?? 0;
    const [a, b] = [...state.chosen].sort((one, other) => made(one) - made(other)); // the newer one is judged
    if (state.chosen.length !== 2) return set({ comparison: null });
    try {
      set({ comparison: await host.api.get('benchy/compare', { query: { a, b } }), error: '' });
    } catch (error) {
      set({ comparison: null });
      tell(error);
    }
  }
  const after = (work) => work.then(refresh, tell);
  const act = {
    set,
    choose(id, isChosen) {
      const rest = state.chosen.filter((each) => each !== id);
      set({ chosen: isChosen ? [...rest, id].slice(-MOST_CHOSEN) : rest });
      void compare();
    },
    async remove(result) {
      if (!(await host.confirm({ title: t('removeAsk'), danger: true, yes: t('remove') }))) return;
      act.choose(result.id, false);
      void after(host.api.delete(`benchy/results/${result.id}`));
    },
    async forget(run) {
      if (!(await host.confirm({ title: t('forgetAsk'), danger: true, yes: t('forget') }))) return;
      void after(host.api.delete(`benchy/${run.id}`));
    },
    cancel: (run) => void after(host.api.post(`benchy/${run.id}/cancel`)),
    toggleLog: (run) => set({ logs: state.logs.includes(run.id) ? state.logs.filter((id) => id !== run.id) : [...state.logs, run.id] }),
  };

  let timer;
  const off = host.events.on('job.updated', (job) => {
    if (job?.kind && !job.kind.startsWith('benchy:')) return;
    clearTimeout(timer);
    timer = setTimeout(refresh, 300);
  });
  const clock = setInterval(() => state.runs.some((run) => !isOver(run)) && void refresh(), 2000);
  draw();
  void refresh();
  return {
    update(props) {
      if ((props?.model ?? '') === state.only) return draw();
      set({ only: props.model ?? '', chosen: [], comparison: null });
      void refresh();
    },
    unmount() {
      off?.();
      clearTimeout(timer);
      clearInterval(clock);
      render(nothing, el);
    },
  };
}

function page(state, act, host, t) {
  const shown = state.results.filter((result) => (!state.model || result.provenance.model === state.model)
    && (!state.recipe || result.provenance.recipe === state.recipe));
  const chosen = state.chosen.map((id) => state.results.find((result) => result.id === id)).filter(Boolean);
  return html`<div class="benchy sl-stack">
    <div class="sl-row wrap">
      <sl-action action="benchy:run" .context=${state.only ? { model: state.only } : {}}></sl-action>
      ${state.only ? nothing : html`<sl-action action="benchy:install"></sl-action>`}
      <span class="sl-grow"></span>${exports(chosen.length ? chosen : state.only ? shown : [], chosen.length > 0, host, t)}
    </div>
    ${state.error ? html`<p class="sl-callout error" role="alert">${state.error}</p>` : nothing}
    ${runs(state, act, t)}
    <section class="sl-card">
      <header class="sl-row wrap"><h2 class="sl-grow">${t('results')}</h2>
        ${state.only ? nothing : filter('model', state, act, t)}${filter('recipe', state, act, t)}</header>
      <div class="scroll">${shown.length ? table(shown, state, act, t) : html`<p class="body sl-muted">${t(state.only ? 'gallery' : 'noResults')}</p>`}</div>
    </section>
    ${state.comparison ? comparison(state.comparison, t) : nothing}
    ${chosen.length ? charts(chosen, state, act, t) : nothing}
    ${chosen.map((result) => origin(result, t))}
    ${shown.length ? history(shown, state, act, t) : nothing}
    ${shown.length && !state.only ? leaderboard(shown, state, act, t) : nothing}
  </div>`;
}

function filter(name, state, act, t) {
  const values = [...new Set(state.results.map((result) => result.provenance[name]))].filter(Boolean).sort();
  if (!values.length) return nothing;
  return html`<label class="sl-small">${t(name)}
    <select class="sl-input" @change=${(event) => act.set({ [name]: event.target.value })}>
      <option value="">${t('all')}</option>
      ${values.map((value) => html`<option value=${value} ?selected=${value === state[name]}>${value}</option>`)}
    </select></label>`;
}

function exports(some, areChosen, host, t) {
  const ids = some.length ? { ids: some.map((result) => result.id).join(',') } : {};
  return html`<span class="sl-small sl-muted">${t(areChosen ? 'exportChosen' : 'exportAll')}</span>
    ${FORMS.map(([format, name, file]) => html`<a class="sl-btn small" href=${host.address('api/benchy/export', { format, ...ids })}
      download=${file}>${name}</a>`)}`;
}
