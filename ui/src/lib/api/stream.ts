/**
 * Server-sent events over fetch: unlike EventSource it sees the status, can send `Last-Event-ID` after any break, and
 * notices a line that is dead although it looks open.
 */
import { createParser } from 'eventsource-parser';
import { fetchRaw, isAbort, type CallOptions } from './client';

export interface ServerEvent {
  name: string;
  id: string;
  data: string;
}

export type StreamStatus = 'connecting' | 'live' | 'offline';

interface Follow {
  path: string;
  query?: CallOptions['query'];
  /** Ask for what was missed; the number of the last event is sent along. */
  resume?: boolean;
  onEvents: (events: ServerEvent[]) => void;
  onStatus?: (status: StreamStatus) => void;
  onError?: (error: unknown) => void;
  signal: AbortSignal;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** The server speaks at least every 15 s; after three silences the line is taken for dead. */
const SILENCE_MS = 45_000;

/** Follow until `signal` aborts, reconnecting with growing pauses; at once when the browser is back online or in view. */
export async function follow(options: Follow): Promise<void> {
  let last = '';
  let failures = 0;
  while (!options.signal.aborted) {
    options.onStatus?.('connecting');
    try {
      await once(options, last, (id) => {
        last = id || last;
        failures = 0;
      });
    } catch (error) {
      if (options.signal.aborted) return;
      if (!isAbort(error)) options.onError?.(error);
    }
    if (options.signal.aborted) return;
    options.onStatus?.('offline');
    await pause(backoff(failures++), options.signal);
  }
}

export function backoff(failures: number, random = Math.random()): number {
  const wait = Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS);
  return wait * (0.75 + random / 2);
}

async function once(options: Follow, last: string, heard: (id: string) => void): Promise<void> {
  const line = new AbortController();
  const signal = AbortSignal.any([options.signal, line.signal]);
  let timer = setTimeout(() => line.abort(), SILENCE_MS);
  const headers: Record<string, string> = { Accept: 'text/event-stream' };
  if (options.resume && last) headers['Last-Event-ID'] = last;
  try {
    const response = await fetchRaw('GET', options.path, undefined, { query: options.query, signal, headers });
    if (!response.body) return;
    options.onStatus?.('live');
    heard('');
    let batch: ServerEvent[] = [];
    const parser = createParser({
      onEvent: (event) => batch.push({ name: event.event ?? 'message', id: event.id ?? '', data: event.data }),
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => line.abort(), SILENCE_MS);
      parser.feed(read.value);
      if (!batch.length) continue;
      heard(batch.findLast((event) => event.id)?.id ?? '');
      options.onEvents(batch);
      batch = [];
    }
  } finally {
    clearTimeout(timer);
    line.abort();
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      window.removeEventListener('online', over);
      document.removeEventListener('visibilitychange', seen);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const seen = () => document.visibilityState === 'visible' && over();
    const timer = setTimeout(over, milliseconds);
    window.addEventListener('online', over);
    document.addEventListener('visibilitychange', seen);
    signal.addEventListener('abort', over);
  });
}
