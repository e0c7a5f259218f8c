/** The editor's part of the API. */
import { api } from '$lib/api/client';
import type { Problem } from '$lib/editor/problem';

export interface ConfigText {
  path: string;
  content: string;
  updatedAt: string;
  revision: string;
  redacted: boolean;
  changes?: Changes;
}
export interface Changes {
  added: string[];
  removed: string[];
  changed: string[];
  adjusted: string[];
  restarts: string[];
  stops: string[];
  policy: boolean;
  sections: string[];
}
export interface Verdict {
  ok: boolean;
  problems: Problem[];
  changes: Changes | null;
}
export interface Revision {
  revision: string;
  time: string;
  author: string;
  reason: string;
}

export const read = (): Promise<ConfigText> => api.get<ConfigText>('api/config/editor');
export const validate = (content: string, signal?: AbortSignal): Promise<Verdict> =>
  api.post<Verdict>('api/config/validate', { content }, { signal });
export const write = (content: string, reason: string, revision: string): Promise<ConfigText> =>
  api.put<ConfigText>('api/config/editor', { content, reason }, { etag: `"${revision}"` });
export const history = async (): Promise<Revision[]> =>
  (await api.get<{ revisions: Revision[] }>('api/config/history')).revisions;
export const textOf = async (revision: string): Promise<string> =>
  (await api.get<{ content: string }>(`api/config/history/${revision}`)).content;
export const restore = (revision: string, based: string): Promise<ConfigText> =>
  api.post<ConfigText>('api/config/restore', { revision }, { etag: `"${based}"` });
/** What one model of a text becomes. */
export interface Resolved {
  entry: Record<string, unknown>;
  problem: string;
  /** Null: nothing would be started. */
  command: string[] | null;
  env?: Record<string, string>;
  folder?: string;
  base_url?: string;
  node?: string;
  ready?: string | null;
  stop?: string[];
}
export const resolve = (content: string, model: string, signal?: AbortSignal): Promise<Resolved> =>
  api.post<Resolved>('api/config/resolve', { content, model }, { signal });
/** A text as a document; with another document the text that says so, its comments kept. */
export const rewrite = (
  content: string,
  document?: Record<string, unknown>,
): Promise<{ content: string; document: Record<string, unknown> }> =>
  api.post('api/config/rewrite', document ? { content, document } : { content });
export const schema = (): Promise<Record<string, unknown>> => api.get('api/config/schema');
