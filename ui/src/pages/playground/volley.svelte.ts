/** Requests to several models, all at once: who waits for whom, and what each says meanwhile. Times in milliseconds. */
import { isAbort, sentence } from '$lib/api/client';
import { models } from '$lib/state/models.svelte';
import { ask, type Delta } from '$lib/stream';

export type Phase = 'waiting' | 'loading' | 'reasoning' | 'streaming' | 'done' | 'failed' | 'stopped';
export interface Shown {
  id: number;
  model: string;
  phase: Phase;
  text: string;
  reasoning: string;
  tokens: number;
  error?: string;
  /** When its model began to load, was ready, when the first thought and the first word came, and the end. */
  load: number | null;
  ready: number | null;
  thought: number | null;
  said: number | null;
  end: number | null;
}
export interface Span {
  phase: 'waiting' | 'loading' | 'reasoning' | 'streaming';
  from: number;
  to: number;
}

const TICK_MS = 100;
const OVER: readonly Phase[] = ['done', 'failed', 'stopped'];
const LOADS: readonly string[] = ['starting', 'waking'];

/** What a piece of the answer changes. */
export function told(card: Shown, delta: Delta, at: number): void {
  if (delta.reasoning) {
    card.thought ??= at;
    card.reasoning += delta.reasoning;
    card.phase = 'reasoning';
  }
  if (delta.text) {
    card.said ??= at;
    card.text += delta.text;
    card.phase = 'streaming';
  }
  if (delta.reasoning || delta.text) card.tokens += 1;
  if (delta.usage?.output) card.tokens = delta.usage.output;
}

/** What the state of its model means for a request that has heard nothing yet. */
export function seen(card: Shown, state: string | undefined, at: number): void {
  if (card.phase === 'waiting' && LOADS.includes(state ?? '')) {
    card.load ??= at;
    card.phase = 'loading';
  } else if (card.phase === 'loading' && !LOADS.includes(state ?? '')) {
    card.ready ??= at;
    card.phase = 'waiting';
  }
}

/** The times of a request as pieces of a line that ends now. */
export function spans(card: Shown, now: number): Span[] {
  const end = card.end ?? now;
  const first = card.thought ?? card.said ?? end;
  const loaded = Math.min(card.ready ?? first, first);
  const found: Span[] = [
    { phase: 'waiting', from: 0, to: Math.min(card.load ?? first, first) },
    { phase: 'loading', from: card.load ?? first, to: loaded },
    { phase: 'waiting', from: loaded, to: first },
    { phase: 'reasoning', from: card.thought ?? end, to: card.said ?? end },
    { phase: 'streaming', from: card.said ?? end, to: end },
  ];
  return found.filter((span) => span.to > span.from);
}

export class Volley {
  cards = $state<Shown[]>([]);
  now = $state(0);
  #began = 0;

  async fire(asked: readonly string[], prompt: string, most: number, signal: AbortSignal): Promise<void> {
    this.#began = performance.now();
    this.cards = asked.map(waiting);
    const clock = setInterval(() => this.#tick(), TICK_MS);
    try {
      await Promise.all(this.cards.map((card) => this.#one(card, prompt, most, signal)));
    } finally {
      clearInterval(clock);
      this.now = this.#since();
    }
  }

  #since = (): number => performance.now() - this.#began;
  #tick(): void {
    this.now = this.#since();
    for (const card of this.cards) seen(card, models.find(card.model)?.state, this.now);
  }
  async #one(card: Shown, prompt: string, most: number, signal: AbortSignal): Promise<void> {
    const turns = [{ role: 'user' as const, content: prompt }];
    const wanted = { endpoint: 'v1/chat/completions' as const, model: card.model, turns, params: { maxTokens: most } };
    try {
      for await (const delta of ask({ ...wanted, signal })) told(card, delta, this.#since());
      card.phase = 'done';
    } catch (error) {
      card.phase = isAbort(error) || signal.aborted ? 'stopped' : 'failed';
      if (card.phase === 'failed') card.error = sentence(error);
    } finally {
      card.end = this.#since();
    }
  }
}

export const isOver = (card: Shown): boolean => OVER.includes(card.phase);
const waiting = (model: string, id: number): Shown => ({
  id,
  model,
  phase: 'waiting',
  text: '',
  reasoning: '',
  tokens: 0,
  load: null,
  ready: null,
  thought: null,
  said: null,
  end: null,
});
