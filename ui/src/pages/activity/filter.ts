/** What the list shows: kept in the address, so that it can be sent to somebody. Pure. */
import type { Query } from '$lib/router.svelte';

export interface Filter {
  model: string;
  status: string;
  text: string;
  session: string;
  client: string;
  path: string;
  /** At least so many milliseconds. */
  min_ms: string;
  captured: string;
  min_id: string;
  max_id: string;
  start: string;
  end: string;
}

export const EMPTY: Filter = {
  model: '',
  status: '',
  text: '',
  session: '',
  client: '',
  path: '',
  min_ms: '',
  captured: '',
  min_id: '',
  max_id: '',
  start: '',
  end: '',
};
export const KEYS = Object.keys(EMPTY) as (keyof Filter)[];
/** Those that are shown as words that can be taken away. */
export const WORDS = ['session', 'client', 'path', 'min_id', 'max_id'] as const;

export const fromQuery = (query: Query): Filter =>
  Object.fromEntries(KEYS.map((key) => [key, query[key] ?? ''])) as unknown as Filter;

/** For the server: local times become moments, empty fields stay away. */
export function toParameters(filter: Filter): Record<string, string> {
  const given = KEYS.filter((key) => filter[key]).map((key): [string, string] => [
    key,
    key === 'start' || key === 'end' ? moment(filter[key]) : filter[key],
  ]);
  return Object.fromEntries(given.filter(([, value]) => value));
}

function moment(local: string): string {
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A moment in unix seconds as the fields of a browser write it, in local time. */
export function localTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** What narrows the rows to those of one group. */
export function groupFilter(by: string, key: string): Partial<Filter> {
  const most = 200; // the server looks for a part of a long error
  return by === 'error' ? { text: key.slice(0, most) } : { [by]: key };
}

/** The pages to offer: the first, the last, and those around the present one. */
export function pagesAround(page: number, last: number): number[] {
  const near = [1, page - 2, page - 1, page, page + 1, page + 2, last];
  return [...new Set(near.filter((each) => each >= 1 && each <= last))].sort((a, b) => a - b);
}
