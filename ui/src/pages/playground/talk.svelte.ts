/** Asking: one request after the other where models would push each other out, at once where they are all there. */
import { ApiError, isAbort, sentence } from '$lib/api/client';
import { models } from '$lib/state/models.svelte';
import { addTool, ask, requestBody, type Delta } from '$lib/stream';
import { isBlind, shuffled } from './arena';
import {
  branchOff,
  joined,
  newId,
  newStep,
  turnsFor,
  type Answer,
  type Conversation,
  type Exchange,
  type Step,
} from './conversation';
import { library } from './library.svelte';

export interface Raw {
  request: string;
  response: string;
}
/** Of one answer, so many characters. */
const MOST_RAW = 2 ** 20;
const READY_POLL_MS = 100;
const DRAW_MS = 50;
const DRAW_MOST_MS = 1000;

class Talk {
  /** By conversation: what ends its requests. */
  #raw = new Map<string, Raw>();
  #running = $state<Record<string, AbortController>>({});
  /** One for each visit, so that the activity shows the visit's requests together. */
  readonly session = `swaplab-${newId()}`;

  constructor() {
    library.isBusy = (id) => id in this.#running;
  }
  isBusy(conversation: Conversation): boolean {
    return conversation.id in this.#running;
  }
  stop(conversation: Conversation): void {
    this.#running[conversation.id]?.abort();
  }

  async send(conversation: Conversation, text: string, images: string[], audio: string[] = []): Promise<void> {
    library.changed(conversation);
    const kept = library.all.find((each) => each.id === conversation.id) ?? conversation;
    const sounds = audio.length ? { audio } : {};
    const blind = isBlind(kept);
    const asked = blind ? shuffled([...new Set(kept.models)]) : kept.models;
    kept.exchanges.push({ id: newId(), text, images, ...sounds, blind, answers: asked.map(waiting) });
    const exchange = kept.exchanges.at(-1);
    void library.keep(kept);
    if (exchange) await this.#run(kept, exchange, exchange.answers);
  }
  /** Answer again; what stood here, and after it, is kept as a branch. */
  async again(conversation: Conversation, exchange: Exchange, answer?: Answer, isKept = false): Promise<void> {
    if (!isKept) branchOff(conversation, exchange);
    cutAfter(conversation, exchange);
    exchange.vote = undefined;
    if (answer) Object.assign(answer, waiting(answer.model));
    else exchange.answers = conversation.models.map(waiting);
    await this.#run(conversation, exchange, answer ? [answer] : exchange.answers);
  }
  async edit(conversation: Conversation, exchange: Exchange, text: string, images: string[]): Promise<void> {
    branchOff(conversation, exchange);
    Object.assign(exchange, { text, images });
    await this.again(conversation, exchange, undefined, true);
  }
  /** Go on where an answer was stopped or cut off. */
  async goOn(conversation: Conversation, exchange: Exchange, answer: Answer): Promise<void> {
    cutAfter(conversation, exchange);
    await this.#run(conversation, exchange, [answer]);
    const [first, second] = answer.steps.slice(-2);
    if (first && second && answer.steps.length > 1) answer.steps.splice(-2, 2, joined(first, second));
    void library.keep(conversation);
  }
  /** What was sent for a step, and what came, as it was; for this visit. */
  rawOf(step: Step): Raw | undefined {
    return this.#raw.get(step.raw ?? '');
  }

  /** Go on with the results of the tools the model called. */
  async resume(conversation: Conversation, exchange: Exchange, answer: Answer): Promise<void> {
    cutAfter(conversation, exchange);
    answer.state = 'waiting';
    await this.#run(conversation, exchange, [answer]);
  }

  #listen(id: string, request: string): (text: string) => void {
    const raw: Raw = { request, response: '' };
    this.#raw.set(id, raw);
    return (text) => {
      if (raw.response.length < MOST_RAW) raw.response += text;
    };
  }

  async #run(conversation: Conversation, exchange: Exchange, answers: readonly Answer[]): Promise<void> {
    const controller = new AbortController();
    this.#running[conversation.id] = controller;
    const one = (answer: Answer) => this.#answer(conversation, exchange, answer, controller.signal);
    try {
      const [there, absent] = partition(answers, (answer) => models.find(answer.model)?.state === 'ready');
      await Promise.all(there.map(one));
      for (const answer of absent) await one(answer);
    } finally {
      delete this.#running[conversation.id];
      void library.keep(conversation);
    }
  }

  async #answer(conversation: Conversation, exchange: Exchange, answer: Answer, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return void (answer.state = 'stopped');
    const turns = turnsFor(conversation, exchange, answer);
    answer.state = 'running';
    answer.error = answer.code = undefined;
    const begins = answer.steps.length ? '' : (conversation.prefill ?? '');
    if (begins) turns.push({ role: 'assistant', content: begins });
    answer.steps.push({ ...newStep(), text: begins, raw: newId() });
    const step = answer.steps.at(-1) as Step;
    const { endpoint, params } = $state.snapshot(conversation) as Conversation;
    const started = performance.now();
    const watch = watchReady(answer.model, step, started);
    try {
      const wanted = { endpoint, model: answer.model, turns, params };
      const onText = this.#listen(step.raw ?? '', JSON.stringify(requestBody(wanted), null, 2));
      const pieces = ask({ ...wanted, signal, session: this.session, onText });
      await drawn(pieces, started, step, () => library.changed(conversation));
      answer.state = 'done';
    } catch (error) {
      answer.state = isAbort(error) || signal.aborted ? 'stopped' : 'failed';
      if (answer.state !== 'failed') return;
      answer.error = sentence(error);
      answer.code = error instanceof ApiError ? error.code : undefined;
    } finally {
      clearInterval(watch);
      step.timing.end = performance.now() - started;
    }
  }
}

const waiting = (model: string): Answer => ({ model, steps: [], state: 'waiting', error: undefined });

function cutAfter(conversation: Conversation, exchange: Exchange): void {
  const at = conversation.exchanges.findIndex((each) => each.id === exchange.id);
  conversation.exchanges.splice(at + 1);
}

/** Note when the model became ready; the events of the server say so. */
function watchReady(name: string, step: Step, started: number): ReturnType<typeof setInterval> {
  const isReady = () => {
    const model = models.find(name);
    return !model || model.state === 'ready';
  };
  if (isReady()) step.timing.ready = 0;
  return setInterval(() => {
    // after the first word it is too late to tell what was load and what was reading
    if (step.timing.ready === null && step.timing.first === null && isReady())
      step.timing.ready = performance.now() - started;
  }, READY_POLL_MS);
}

/**
 * Put the pieces in their places as they come, but draw at most some times a second, and more rarely the longer the
 * text is: drawing costs time for all of it, and a fast model must not freeze the page.
 */
async function drawn(pieces: AsyncIterable<Delta>, started: number, step: Step, changed: () => void): Promise<void> {
  let held: { delta: Delta; at: number }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const now = held;
    held = [];
    for (const { delta, at } of now) apply(step, delta, at);
    if (now.length) changed();
  };
  try {
    for await (const delta of pieces) {
      held.push({ delta, at: performance.now() - started });
      timer ??= setTimeout(flush, Math.min(DRAW_MOST_MS, DRAW_MS + (step.text.length + step.reasoning.length) / 100));
    }
  } finally {
    flush();
  }
}

/** Put a piece of the answer in its place. `at` is in milliseconds since the request. */
export function apply(step: Step, delta: Delta, at: number): void {
  if (delta.loading) step.loading += delta.loading;
  if ((delta.reasoning || delta.text || delta.tool) && step.timing.first === null) {
    step.timing.first = at;
  }
  if (delta.reasoning) step.reasoning += delta.reasoning;
  if ((delta.text || delta.tool) && step.reasoning && step.timing.reasoned === null) step.timing.reasoned = at;
  if (delta.text) step.text += delta.text;
  if (delta.tool) step.tools = addTool(step.tools, delta.tool);
  if (delta.usage) step.usage = { ...step.usage, ...known(delta.usage) };
  if (delta.finish) step.finish = delta.finish;
}

const known = <T extends object>(values: T): Partial<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;

function partition<T>(list: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [list.filter(test), list.filter((item) => !test(item))];
}

export const talk = new Talk();
