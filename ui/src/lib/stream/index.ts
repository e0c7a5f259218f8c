/** Ask a model and read its answer as it comes, whatever the endpoint. */
import { createParser } from 'eventsource-parser';
import { ApiError, fetchRaw, isAbort } from '../api/client';
import { chatDeltas, chatRequest } from './chat';
import type { Delta, Endpoint, Params, Turn } from './delta';
import { messageDeltas, messagesRequest } from './messages';
import { responseDeltas, responsesRequest } from './responses';

export * from './delta';

const MAKERS = {
  'v1/chat/completions': chatRequest,
  'v1/messages': messagesRequest,
  'v1/responses': responsesRequest,
} as const;
const READERS = {
  'v1/chat/completions': chatDeltas,
  'v1/messages': messageDeltas,
  'v1/responses': responseDeltas,
} as const;

export interface Ask {
  endpoint: Endpoint;
  model: string;
  turns: readonly Turn[];
  params: Params;
  signal: AbortSignal;
  /** Requests of one conversation are shown together in the activity. */
  session?: string;
  /** Hears the answer as it comes. */
  onText?: (text: string) => void;
}

export const requestBody = (ask: Pick<Ask, 'endpoint' | 'model' | 'turns' | 'params'>): Record<string, unknown> =>
  MAKERS[ask.endpoint](ask.model, ask.turns, ask.params);

/** The pieces of the answer; throws ApiError when it is refused or breaks off, AbortError when it is stopped. */
export async function* ask(wanted: Ask): AsyncGenerator<Delta> {
  const response = await fetchRaw('POST', wanted.endpoint, JSON.stringify(requestBody(wanted)), {
    signal: wanted.signal,
    headers: {
      'Content-Type': 'application/json',
      Accept: 'text/event-stream',
      ...(wanted.session ? { 'X-Session-ID': wanted.session } : {}),
    },
  });
  yield* readAnswer(response, wanted.endpoint, wanted.onText);
}

export async function* readAnswer(
  response: Response,
  endpoint: Endpoint,
  onText?: (text: string) => void,
): AsyncGenerator<Delta> {
  const read = READERS[endpoint];
  if (!response.headers.get('Content-Type')?.includes('event-stream')) {
    const text = await response.text();
    onText?.(text);
    yield* read(JSON.parse(text) as Record<string, unknown>);
    return;
  }
  const splitter = new LoadingSplitter();
  for await (const event of events(response, onText)) for (const delta of read(event)) yield* splitter.take(delta);
  yield* splitter.end();
}

async function* events(response: Response, onText?: (text: string) => void): AsyncGenerator<Record<string, unknown>> {
  let waiting: { name: string; data: string }[] = [];
  const parser = createParser({ onEvent: ({ event, data }) => waiting.push({ name: event ?? '', data }) });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await next(reader); !piece.done; piece = await next(reader)) {
    onText?.(piece.value);
    parser.feed(piece.value);
    const now = waiting;
    waiting = [];
    for (const { name, data } of now) {
      if (data === '[DONE]') continue;
      const event = JSON.parse(data) as Record<string, unknown>;
      if (name === 'error' || event.error) throw errorFrom(event);
      yield event;
    }
  }
}

/** The next piece. When a connection is cut, a browser drops what it has not handed over yet: what the server said too. */
async function next(reader: ReadableStreamDefaultReader<string>): Promise<ReadableStreamReadResult<string>> {
  try {
    return await reader.read();
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError('The connection broke off in the middle of the answer.', 0, 'broken-off');
  }
}

function errorFrom(event: Record<string, unknown>): ApiError {
  const error = (event.error ?? event) as { message?: string; code?: unknown };
  return new ApiError(error.message ?? 'The answer broke off.', 0, String(error.code ?? 'stream-error'));
}

const MARK = '━━━━━';

/**
 * With `sendLoadingState` the proxy tells of a load inside the reasoning, between two lines of ━. That is told apart
 * from what the model thinks.
 */
export class LoadingSplitter {
  #isLoading = false;
  #held = '';

  *take(delta: Delta): Generator<Delta> {
    if (delta.reasoning === undefined) {
      yield* this.end();
      yield delta;
      return;
    }
    let rest = this.#held + delta.reasoning;
    this.#held = '';
    for (let at = rest.indexOf(MARK); at >= 0; at = rest.indexOf(MARK)) {
      yield* this.#say(rest.slice(0, at));
      this.#isLoading = !this.#isLoading;
      rest = rest.slice(at + MARK.length).replace(/^━+/, '');
    }
    const tail = /━+$/.exec(rest)?.[0] ?? '';
    this.#held = tail;
    yield* this.#say(rest.slice(0, rest.length - tail.length));
  }
  *end(): Generator<Delta> {
    if (this.#held) yield* this.#say(this.#held);
    this.#held = '';
  }
  *#say(text: string): Generator<Delta> {
    if (text) yield this.#isLoading ? { loading: text } : { reasoning: text };
  }
}
