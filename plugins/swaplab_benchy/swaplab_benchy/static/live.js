// Runs as they go, and those that were: how far, what they wait for, why they failed, their logs.
import { html, nothing } from '../../../sdk/v1.js';
import { duration, when } from './text.js';

const OVER = new Set(['succeeded', 'failed', 'cancelled', 'interrupted']);
const LOOKS = { running: 'warn', queued: 'info', scheduled: 'info', succeeded: 'ok', failed: 'error', interrupted: 'warn', cancelled: '' };
const MOST_PAST = 8;

export const isOver = (run) => OVER.has(run.state);
const stateOf = (run, t) => t({ succeeded: 'done', failed: 'failed', cancelled: 'canceled' }[run.state] ?? run.state);

export function runs(state, act, t) {
  const current = state.runs.filter((run) => !isOver(run));
  const past = state.runs.filter((run) => isOver(run)).slice(0, MOST_PAST);
  return html`
    ${current.length ? card(t('running'), current.map((run) => line(run, state, act, t))) : nothing}
    ${past.length ? card(t('past'), past.map((run) => line(run, state, act, t))) : nothing}`;
}

const card = (title, lines) => html`<section class="sl-card"><header><h2>${title}</h2></header>
  <div class="body sl-stack">${lines}</div></section>`;

function line(run, state, act, t) {
  const open = state.logs.includes(run.id);
  return html`<div class="run" data-run=${run.id}>
    <div class="sl-row wrap">
      <strong>${run.queueCurrentModel ?? run.model}</strong>
      <span class="sl-badge ${LOOKS[run.state]}" data-state=${run.state}>${stateOf(run, t)}</span>
      <span class="sl-small sl-muted sl-grow">${hint(run, t)}</span>
      <button type="button" class="sl-btn small ghost" aria-expanded=${open} @click=${() => act.toggleLog(run)}>${t('log')}</button>
      ${isOver(run)
        ? html`<button type="button" class="sl-btn small ghost" @click=${() => act.forget(run)}>${t('forget')}</button>`
        : html`<button type="button" class="sl-btn small" @click=${() => act.cancel(run)}>${t('cancel')}</button>`}
    </div>
    ${run.state === 'running' ? bar(run, t) : nothing}
    ${run.error ? html`<p class="sl-callout error" role="alert">${run.error}</p>` : nothing}
    ${open ? html`<div class="run-log"><sl-log .stream=${`api/jobs/${run.job}/log/stream`} .label=${t('log')}></sl-log></div>` : nothing}
  </div>`;
}

function hint(run, t) {
  if (run.state === 'scheduled') return t('startsAt', { when: when(Date.parse(run.scheduledAt) / 1000) });
  if (run.state === 'queued') return t('waitsFor', { what: (run.waitsFor ?? []).join(', ') });
  if (run.state !== 'running') return run.finishedAt ? when(Date.parse(run.finishedAt) / 1000) : '';
  const left = run.progress?.etaSeconds;
  const models = run.queueModels && t('queueAt', { at: (run.queueCurrentIndex ?? 0) + 1, count: run.queueModels.length });
  return [models, run.progress?.stage, left ? t('left', { time: duration(left) }) : ''].filter(Boolean).join(' · ');
}

function bar(run, t) {
  const fraction = run.progress?.fraction;
  return html`<div class="sl-bar ${fraction == null ? 'busy' : ''}" role="progressbar"
    aria-label=${t('progress', { model: run.queueCurrentModel ?? run.model })}
    aria-valuenow=${fraction == null ? nothing : Math.round(fraction * 100)} aria-valuemin="0" aria-valuemax="100">
    <span style="width:${(fraction ?? 0.3) * 100}%"></span></div>`;
}
