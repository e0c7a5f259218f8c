/**
 * The way to the server. Addresses are relative to where the pages came from, so a path prefix costs nothing:
 * pages at `…/ui/`, the API at `…/api/`.
 */
import { session } from '../state/session.svelte';
import { trace } from '../state/trace.svelte';
import { ApiError, errorOf, isAbort } from './errors';

export { ApiError, isAbort, sentence } from './errors';
export type { FieldError } from './errors';

export interface CallOptions {
  signal?: AbortSignal;
  query?: Record<string, string | number | boolean | readonly string[] | null | undefined>;
  /** The revision that the change is based on, as `If-Match`. */
  etag?: string;
  headers?: Record<string, string>;
}

export interface Answer<T> {
  data: T;
  etag: string;
  status: number;
}

/** The address of something the server has: `address('v1/models')`. */
export function address(path: string, query: CallOptions['query'] = {}): string {
  const url = new URL(`../${path.replace(/^\//, '')}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue;
    for (const each of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(each));
  }
  return url.href;
}

/** A path below the API that names something with slashes or spaces in it: `path('api/models/load', id)`. */
export function path(...parts: string[]): string {
  const [first = '', ...names] = parts;
  return [first, ...names.map((name) => name.split('/').map(encodeURIComponent).join('/'))].join('/');
}

/** One request, the bare answer; throws ApiError when the server refuses or cannot be reached. */
export async function fetchRaw(method: string, where: string, body?: BodyInit, options: CallOptions = {}) {
  const headers: Record<string, string> = { 'X-Swaplab': '1', ...options.headers };
  if (options.etag) headers['If-Match'] = options.etag;
  const target = address(where, options.query);
  const answered = trace.begin(method, target);
  let response: Response;
  try {
    response = await fetch(target, { method, headers, body, signal: options.signal, credentials: 'same-origin' });
  } catch (error) {
    if (isAbort(error)) throw error;
    answered(0);
    throw new ApiError('The server cannot be reached.', 0, 'unreachable');
  }
  answered(response.status);
  if (response.ok) return response;
  if (response.status === 401) session.required();
  throw errorOf(response.status, await response.text());
}

async function call<T>(method: string, where: string, value: unknown, options: CallOptions = {}): Promise<Answer<T>> {
  const sends = value !== undefined;
  const headers = {
    Accept: 'application/json',
    ...(sends ? { 'Content-Type': 'application/json' } : {}),
    ...options.headers,
  };
  const response = await fetchRaw(method, where, sends ? JSON.stringify(value) : undefined, { ...options, headers });
  const text = await response.text();
  const isJson = response.headers.get('Content-Type')?.includes('json') ?? false;
  const data = (isJson && text ? JSON.parse(text) : text) as T;
  return { data, etag: response.headers.get('ETag') ?? '', status: response.status };
}

/** The API by verbs; each answers the body, `call` answers status and etag too. */
export const api = {
  call,
  get: async <T>(where: string, options?: CallOptions): Promise<T> =>
    (await call<T>('GET', where, undefined, options)).data,
  post: async <T>(where: string, body: unknown = {}, options?: CallOptions): Promise<T> =>
    (await call<T>('POST', where, body, options)).data,
  put: async <T>(where: string, body: unknown, options?: CallOptions): Promise<T> =>
    (await call<T>('PUT', where, body, options)).data,
  delete: async <T>(where: string, options?: CallOptions): Promise<T> =>
    (await call<T>('DELETE', where, undefined, options)).data,
};
