/** Send a captured request once more, and find the row that comes of it. */
import { api, fetchRaw } from '$lib/api/client';
import { typeOf } from './exchange';
import type { Capture, RowPage } from './types';

/** What the browser or we ourselves say; and what was hidden in the capture. */
const OURS =
  /^(host|connection|content-length|transfer-encoding|accept-encoding|user-agent|cookie|origin|referer|authorization|x-api-key|x-session-id|x-swaplab|x-forwarded-.*|sec-.*|keep-alive|te|upgrade|expect|dnt|date|via)$/i;

export function headersFor(capture: Capture, session: string): Record<string, string> {
  const kept = Object.entries(capture.req_headers).filter(
    ([name, value]) => !OURS.test(name) && value !== '[REDACTED]',
  );
  return { ...Object.fromEntries(kept), 'Content-Type': typeOf(capture.req_headers), 'X-Session-ID': session };
}

/** The id of the new row; null when the server recorded none. Throws AbortError when it is stopped. */
export async function replay(capture: Capture, body: BodyInit, signal: AbortSignal): Promise<number | null> {
  const session = `replay-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(36)}`;
  const before = await newest();
  try {
    const path = capture.req_path.replace(/^\//, '');
    const answer = await fetchRaw(capture.method, path, body, { signal, headers: headersFor(capture, session) });
    await answer.arrayBuffer();
  } catch (failure) {
    if (signal.aborted) throw failure; // a refusal has its row too
  }
  const query = { min_id: before + 1, path: capture.req_path.split('?')[0], order: 'asc', limit: 100 };
  const { data } = await api.get<RowPage>('api/metrics/activity', { query });
  return (data.find((row) => row.metadata?.session_id === session) ?? data[0])?.id ?? null;
}

const newest = async (): Promise<number> =>
  (await api.get<RowPage>('api/metrics/activity', { query: { limit: 1 } })).data[0]?.id ?? 0;

/** The request for another model, when it names one; else as it was. */
export function withModel(text: string, model: string): string {
  try {
    const body = JSON.parse(text) as Record<string, unknown>;
    return 'model' in body ? JSON.stringify({ ...body, model }, null, 2) : text;
  } catch {
    return text;
  }
}

export function modelOf(text: string): string {
  try {
    const { model } = JSON.parse(text) as { model?: unknown };
    return typeof model === 'string' ? model : '';
  } catch {
    return '';
  }
}
