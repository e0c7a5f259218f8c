/** Conversations: their shape, and what of them is sent. Pure. */
import type { Endpoint, Params, Part, ToolCall, Turn, Usage } from '$lib/stream';

export interface AnsweredCall extends ToolCall {
  /** What the person gave as the tool's result. */
  result?: string;
}

/** What happened to one request, in milliseconds from when it was sent. */
export interface Timing {
  /** The model was ready (0: it was already); null while or when nobody knows. */
  ready: number | null;
  first: number | null;
  reasoned: number | null;
  end: number | null;
}

/** One request's part of an answer; tool calls that got their results lead to another step. */
export interface Step {
  text: string;
  reasoning: string;
  loading: string;
  tools: AnsweredCall[];
  usage?: Usage;
  finish?: string;
  timing: Timing;
  /** Under which its bytes are known, while the visit lasts. */
  raw?: string;
}

export interface Answer {
  model: string;
  steps: Step[];
  state: 'waiting' | 'running' | 'done' | 'stopped' | 'failed';
  error?: string;
  /** The kind of error, as the server names it. */
  code?: string;
}

/** What the person said, and one answer for each model that was asked. */
export interface Exchange {
  id: string;
  text: string;
  images: string[];
  /** Sounds as data URLs. */
  audio?: string[];
  answers: Answer[];
  /** Asked without showing which model answers; then the one that was chosen, "" for a draw. */
  blind?: boolean;
  vote?: string;
  /** What stood here before it was asked or said in another way; the place of the present one is empty. */
  branches?: Branch[];
  branch?: number;
}

/** An exchange as it was, and what followed it. */
export interface Branch {
  text: string;
  images: string[];
  answers: Answer[];
  rest: Exchange[];
}

export interface Conversation {
  id: string;
  title: string;
  created: number;
  updated: number;
  pinned: boolean;
  models: string[];
  endpoint: Endpoint;
  system: string;
  params: Params;
  /** What each answer begins with. */
  prefill?: string;
  /** Several models answer without their names until one is chosen. */
  blind?: boolean;
  exchanges: Exchange[];
}

export const MOST_MODELS = 4;
export const TITLE_LENGTH = 60;

export const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');

export function newConversation(models: string[], from?: Partial<Conversation>): Conversation {
  const now = Date.now();
  return {
    id: newId(),
    title: '',
    created: now,
    updated: now,
    pinned: false,
    endpoint: 'v1/chat/completions',
    system: '',
    params: {},
    exchanges: [],
    ...from,
    models,
  };
}

export const newStep = (): Step => ({
  text: '',
  reasoning: '',
  loading: '',
  tools: [],
  timing: { ready: null, first: null, reasoned: null, end: null },
});

/** What is sent for an answer: all that was said before, as this model answered it (or the first, where it was not asked). */
export function turnsFor(conversation: Conversation, exchange: Exchange, answer: Answer): Turn[] {
  const turns: Turn[] = conversation.system.trim() ? [{ role: 'system', content: conversation.system.trim() }] : [];
  for (const each of conversation.exchanges) {
    turns.push({ role: 'user', content: content(each) });
    if (each === exchange || each.id === exchange.id) {
      turns.push(...answerTurns(answer.steps.filter((step) => step.timing.end !== null)));
      return turns;
    }
    const said = each.answers.find((one) => one.model === answer.model && hasText(one)) ?? each.answers.find(hasText);
    if (said) turns.push(...answerTurns(said.steps));
  }
  return turns;
}

const NOTHING: Branch = { text: '', images: [], answers: [], rest: [] };

/** Keep an exchange and what follows it as a branch, before it becomes another. */
export function branchOff(conversation: Conversation, exchange: Exchange): void {
  if (!exchange.answers.some(hasText)) return;
  const branches = exchange.branches ?? [NOTHING];
  branches[exchange.branch ?? 0] = branchOf(conversation, exchange);
  exchange.branches = [...branches, NOTHING];
  exchange.branch = branches.length;
}

/** Show another branch; what is shown now is kept in its place. */
export function switchBranch(conversation: Conversation, exchange: Exchange, to: number): void {
  const wanted = exchange.branches?.[to];
  if (!wanted || !exchange.branches || to === exchange.branch) return;
  const now = branchOf(conversation, exchange);
  exchange.branches = exchange.branches.with(exchange.branch ?? 0, now).with(to, NOTHING);
  exchange.branch = to;
  const { text, images, answers, rest } = copied(wanted);
  Object.assign(exchange, { text, images, answers });
  conversation.exchanges.splice(placeOf(conversation, exchange) + 1, Infinity, ...rest);
}

function branchOf(conversation: Conversation, exchange: Exchange): Branch {
  const rest = conversation.exchanges.slice(placeOf(conversation, exchange) + 1);
  return copied({ text: exchange.text, images: exchange.images, answers: exchange.answers, rest });
}

const copied = (branch: Branch): Branch => JSON.parse(JSON.stringify(branch)) as Branch;
const placeOf = (conversation: Conversation, exchange: Exchange): number =>
  conversation.exchanges.findIndex((each) => each.id === exchange.id);

/** May it be gone on with? It was stopped, or cut off. */
export const isUnfinished = (answer: Answer): boolean =>
  hasText(answer) &&
  (answer.state === 'stopped' ||
    answer.state === 'failed' ||
    (answer.state === 'done' && /^(length|max_tokens|incomplete)$/.test(answer.steps.at(-1)?.finish ?? '')));

/** Two steps, of which the second goes on with the first, as one. */
export function joined(first: Step, second: Step): Step {
  return { ...second, text: first.text + second.text, reasoning: first.reasoning + second.reasoning };
}

const hasText = (answer: Answer): boolean => answer.steps.some((step) => step.text || step.tools.length);

function content(exchange: Exchange): string | Part[] {
  const sounds = (exchange.audio ?? []).map(sound);
  if (!exchange.images.length && !sounds.length) return exchange.text;
  const images: Part[] = exchange.images.map((url) => ({ type: 'image_url', image_url: { url } }));
  return exchange.text ? [{ type: 'text', text: exchange.text }, ...images, ...sounds] : [...images, ...sounds];
}

/** `data:audio/mpeg;base64,…` as the API wants it: the bytes, and `mp3` or `wav`. */
function sound(url: string): Part {
  const [, kind = '', data = ''] = /^data:audio\/([\w.+-]+)[^,]*,(.*)$/s.exec(url) ?? [];
  const format = /mpeg|mp3/.test(kind) ? 'mp3' : kind.replace(/^(x-|vnd\.)?wave?$/, 'wav');
  return { type: 'input_audio', input_audio: { data, format } };
}

function answerTurns(steps: readonly Step[]): Turn[] {
  return steps.flatMap((step) => {
    const calls = step.tools.map(({ id, name, arguments: given }) => ({ id, name, arguments: given }));
    const said: Turn = { role: 'assistant', content: step.text, ...(calls.length ? { toolCalls: calls } : {}) };
    const results = step.tools.map((call): Turn => ({
      role: 'tool',
      toolCallId: call.id,
      content: call.result ?? '(no result)',
    }));
    return [said, ...results];
  });
}

export const titleOf = (conversation: Conversation): string =>
  conversation.title || conversation.exchanges[0]?.text.replace(/\s+/g, ' ').trim().slice(0, TITLE_LENGTH) || '';

export const needsResults = (answer: Answer): boolean =>
  answer.state === 'done' && (answer.steps.at(-1)?.tools.length ?? 0) > 0;

/** How fast a step was, by the engine's word or by the clock. */
export function speed(step: Step): number | null {
  if (step.usage?.outputSpeed) return step.usage.outputSpeed;
  const { first, end } = step.timing;
  const tokens = step.usage?.output;
  if (!tokens || tokens < 2 || first === null || end === null || end <= first) return null;
  return ((tokens - 1) * 1000) / (end - first);
}

/** From the moment the model could work to its first word; when nobody saw that moment, from the request on. */
export function timeToFirst(step: Step): number | null {
  const { first, ready } = step.timing;
  return first === null ? null : Math.max(0, first - (ready ?? 0)) / 1000;
}
export const holdsLoad = (step: Step): boolean => step.timing.ready === null;
