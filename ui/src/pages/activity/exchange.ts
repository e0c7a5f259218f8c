/** A captured exchange made readable: bodies decoded, streams joined. Pure. */
import { chatDeltas } from '$lib/stream/chat';
import { messageDeltas } from '$lib/stream/messages';
import { responseDeltas } from '$lib/stream/responses';
import type { Delta, Turn } from '$lib/stream';
import type { Capture } from './types';

export interface Body {
  /** Null: not text. */
  text: string | null;
  size: number;
  type: string;
}

export interface Dialogue {
  turns: { role: string; text: string; images: string[] }[];
  answer: string;
  reasoning: string;
}

export function decode(base64: string, type: string): Body {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const shown = { size: bytes.length, type };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { ...shown, text: text.includes('\0') ? null : text };
  } catch {
    return { ...shown, text: null };
  }
}

export const typeOf = (headers: Record<string, string>): string =>
  Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';

/** JSON indented; a stream of events with each one's data indented; anything else as it is. */
export function pretty(text: string): string {
  const whole = parsed(text);
  if (whole !== undefined) return JSON.stringify(whole, null, 2);
  if (!/^(data|event|id|:)/m.test(text)) return text;
  return text
    .split('\n')
    .map((line) => {
      const value = line.startsWith('data:') ? parsed(line.slice(5)) : undefined;
      return value === undefined ? line : `data: ${JSON.stringify(value, null, 2)}`;
    })
    .join('\n');
}

/** What was said, when it was a conversation; null for anything else. */
export function dialogue(capture: Capture): Dialogue | null {
  const request = parsed(decode(capture.req_body, '').text ?? '');
  if (!isObject(request)) return null;
  const said = request.messages ?? request.input;
  const list = Array.isArray(said) ? said : typeof said === 'string' ? [{ role: 'user', content: said }] : null;
  if (!list) return null;
  const system = typeof request.system === 'string' ? [{ role: 'system', content: request.system }] : [];
  const turns = [...system, ...list].filter(isObject).map(turn);
  const deltas = answerDeltas(capture);
  const join = (key: 'text' | 'reasoning') => deltas.map((delta) => delta[key] ?? '').join('');
  return { turns, answer: join('text'), reasoning: join('reasoning') };
}

/** For the chat: the conversation with its answer, as turns of one model. */
export function toTurns(found: Dialogue): Turn[] {
  return found.turns.map(({ role, text }) => ({ role: role as Turn['role'], content: text }));
}

function turn(message: Record<string, unknown>): Dialogue['turns'][number] {
  const parts = Array.isArray(message.content) ? message.content.filter(isObject) : [];
  const text =
    typeof message.content === 'string'
      ? message.content
      : parts.map((part) => (typeof part.text === 'string' ? part.text : '')).join('');
  const images = parts
    .map((part) => (isObject(part.image_url) ? part.image_url.url : part.image_url))
    .filter((url): url is string => typeof url === 'string' && url.startsWith('data:image/'));
  return { role: String(message.role ?? message.type ?? ''), text, images };
}

function answerDeltas(capture: Capture): Delta[] {
  const text = decode(capture.resp_body, '').text ?? '';
  const read = capture.req_path.includes('/messages')
    ? messageDeltas
    : capture.req_path.includes('/responses')
      ? responseDeltas
      : chatDeltas;
  const whole = parsed(text);
  if (isObject(whole)) return [...read(whole), ...wholeAnswer(whole)];
  return text
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => parsed(line.slice(5)))
    .filter(isObject)
    .flatMap((event) => [...read(event)]);
}

/** Answers that came in one piece and that no stream looks like. */
function wholeAnswer(body: Record<string, unknown>): Delta[] {
  const blocks = Array.isArray(body.content) ? body.content : [];
  const output = Array.isArray(body.output) ? body.output : [];
  const inner = output.filter(isObject).flatMap((item) => (Array.isArray(item.content) ? item.content : []));
  return [...blocks, ...inner]
    .filter(isObject)
    .map((block) => ({ text: typeof block.text === 'string' ? block.text : '' }))
    .filter((delta) => delta.text);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
