/** A load test: shots at a model, some at once, each with its times in milliseconds since the start. */
import { isAbort, sentence } from '$lib/api/client';
import { ask } from '$lib/stream';
import { percentile } from './vectors';

export interface Shot {
  start: number;
  first: number | null;
  end: number | null;
  tokens: number;
  phase: 'waiting' | 'running' | 'done' | 'failed';
  error?: string;
}

const TICK_MS = 100;

export class LoadRun {
  shots = $state<Shot[]>([]);
  now = $state(0);
  #began = 0;

  constructor(
    readonly model: string,
    readonly prompt: string,
    readonly most: number,
    readonly count: number,
  ) {}

  /** Tokens per second of all shots together. */
  get throughput(): number {
    const done = this.shots.filter((shot) => shot.phase === 'done');
    const until = Math.max(0, ...done.map((shot) => shot.end ?? 0));
    return until ? (done.reduce((sum, shot) => sum + shot.tokens, 0) * 1000) / until : 0;
  }
  async fire(atOnce: number, signal: AbortSignal): Promise<void> {
    this.#began = performance.now();
    const clock = setInterval(() => (this.now = this.#since()), TICK_MS);
    let left = this.count;
    const worker = async () => {
      while (left-- > 0 && !signal.aborted) await this.#one(signal);
    };
    try {
      await Promise.all(Array.from({ length: Math.min(atOnce, this.count) }, worker));
    } finally {
      clearInterval(clock);
      this.now = this.#since();
    }
  }

  #since = (): number => performance.now() - this.#began;

  async #one(signal: AbortSignal): Promise<void> {
    this.shots.push({ start: this.#since(), first: null, end: null, tokens: 0, phase: 'running' });
    const shot = this.shots.at(-1) as Shot;
    const turns = [{ role: 'user' as const, content: this.prompt }];
    const params = { maxTokens: this.most };
    let pieces = 0;
    try {
      for await (const delta of ask({ endpoint: 'v1/chat/completions', model: this.model, turns, params, signal })) {
        if (delta.text || delta.reasoning) {
          shot.first ??= this.#since();
          pieces += 1;
        }
        if (delta.usage?.output) shot.tokens = delta.usage.output;
      }
      shot.tokens ||= pieces;
      shot.phase = 'done';
    } catch (error) {
      shot.phase = 'failed';
      shot.error = isAbort(error) ? undefined : sentence(error);
    } finally {
      shot.end = this.#since();
    }
  }
}

/** What one model did with so many requests at once. Times in seconds. */
export interface Level {
  model: string;
  atOnce: number;
  done: number;
  failed: number;
  ttft: number;
  ttft95: number;
  total: number;
  throughput: number;
}

export function level(run: LoadRun, atOnce: number): Level {
  const rows = summary(run.shots);
  const of = (label: SummaryRow['label']) => rows.find((row) => row.label === label);
  return {
    model: run.model,
    atOnce,
    done: run.shots.filter((shot) => shot.phase === 'done').length,
    failed: run.shots.filter((shot) => shot.phase === 'failed').length,
    ttft: (of('ttft')?.p50 ?? NaN) / 1000,
    ttft95: (of('ttft')?.p95 ?? NaN) / 1000,
    total: (of('total')?.p50 ?? NaN) / 1000,
    throughput: run.throughput,
  };
}

/** `1, 2, 4` as a ramp: ascending, each once, within what a browser can do. */
export const ramp = (text: string): number[] =>
  [...new Set(text.split(/[\s,;]+/).map(Number))]
    .filter((n) => Number.isInteger(n) && n >= 1 && n <= 100)
    .sort((a, b) => a - b);

export function levelsCsv(levels: readonly Level[]): string {
  const head = 'model,at_once,done,failed,ttft_p50_s,ttft_p95_s,total_p50_s,tokens_per_second';
  const line = (each: Level) =>
    [quoted(each.model), each.atOnce, each.done, each.failed, each.ttft, each.ttft95, each.total, each.throughput].map(
      (cell) => (typeof cell === 'number' ? (Number.isFinite(cell) ? Math.round(cell * 1000) / 1000 : '') : cell),
    );
  return `${[head, ...levels.map((each) => line(each).join(','))].join('\n')}\n`;
}

export interface SummaryRow {
  label: 'ttft' | 'total' | 'tokensPerSecond';
  isTime: boolean;
  p50: number;
  p95: number;
  p99: number;
  most: number;
}

export function summary(shots: readonly Shot[]): SummaryRow[] {
  const done = shots.filter((shot) => shot.phase === 'done' && shot.first !== null && shot.end !== null);
  if (!done.length) return [];
  const row = (label: SummaryRow['label'], isTime: boolean, of: (shot: Shot) => number): SummaryRow => {
    const values = done.map(of).filter(Number.isFinite);
    const at = (share: number) => percentile(values, share);
    return { label, isTime, p50: at(0.5), p95: at(0.95), p99: at(0.99), most: Math.max(...values) };
  };
  return [
    row('ttft', true, (shot) => (shot.first ?? 0) - shot.start),
    row('total', true, (shot) => (shot.end ?? 0) - shot.start),
    row('tokensPerSecond', false, (shot) => ((shot.tokens - 1) * 1000) / ((shot.end ?? 0) - (shot.first ?? 0))),
  ];
}

export function csv(shots: readonly Shot[]): string {
  const head = 'start_ms,first_ms,end_ms,tokens,phase,error';
  const cells = (shot: Shot) => [
    shot.start,
    shot.first ?? '',
    shot.end ?? '',
    shot.tokens,
    shot.phase,
    shot.error ?? '',
  ];
  const line = (shot: Shot) => cells(shot).map((cell) => (typeof cell === 'number' ? Math.round(cell) : quoted(cell)));
  return `${[head, ...shots.map((shot) => line(shot).join(','))].join('\n')}\n`;
}

/** A text with a sign of a formula in front is made harmless for spreadsheets. */
function quoted(text: string): string {
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
