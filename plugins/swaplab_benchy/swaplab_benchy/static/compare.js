// Two results side by side, and what is said of the second.
import { html, nothing } from '../../../sdk/v1.js';
import { percent, when } from './text.js';

const LOOKS = { better: 'ok', same: 'info', worse: 'error', inconclusive: 'warn' };
const badge = (verdict, t) => html`<span class="sl-badge ${LOOKS[verdict]}" data-verdict=${verdict}>${t(verdict)}</span>`;

export function comparison(found, t) {
  return html`<section class="sl-card" aria-live="polite" data-comparison>
    <header class="sl-row"><h2 class="sl-grow">${t('versus', { a: found.a.model, b: found.b.model })}</h2>${badge(found.verdict, t)}</header>
    <div class="body sl-stack">
      ${found.same_launch ? nothing : html`<p class="sl-small sl-muted">${t('otherLaunch')}</p>`}
      ${found.metrics.map((metric) => html`<div><strong>${t(metric.metric)}</strong> ${badge(metric.verdict, t)}
        <span class="sl-small sl-muted">${metric.reason}</span>
        ${lines(found, t, metric.points.map((point) => [point.test, point.a.toFixed(1), point.b.toFixed(1), percent(point.change)]))}</div>`)}
      ${found.scores.length ? html`<div><strong>${t('scores')}</strong>
        ${found.scores.map((score) => html`<div>${badge(score.verdict, t)} <span class="sl-small sl-muted">${score.reason}</span>
          ${lines(found, t, [[score.task, percent(score.a), percent(score.b), percent(score.change)]])}</div>`)}</div>` : nothing}
    </div></section>`;
}

const named = (side) => html`${side.model}<div class="sl-xs">${when(side.created)}</div>`;
const lines = (found, t, rows) => html`<div class="scroll"><table class="sl-table compared"><thead><tr>
  <th scope="col">${t('test')}</th><th scope="col" class="num">${named(found.a)}</th><th scope="col" class="num">${named(found.b)}</th>
  <th scope="col" class="num">${t('change')}</th></tr></thead><tbody>${rows.map(([name, ...cells]) => html`<tr>
  <th scope="row">${name}</th>${cells.map((cell) => html`<td class="num">${cell}</td>`)}</tr>`)}</tbody></table></div>`;
