/** The editor's part of the API. */
import { api } from '$lib/api/client';

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
export interface Problem {
  severity: 'error' | 'warning';
  message: string;
  advice: string;
  path: string;
  file: string;
  line: number;
  col: number;
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
export const schema = (): Promise<Record<string, unknown>> => api.get('api/config/schema');
