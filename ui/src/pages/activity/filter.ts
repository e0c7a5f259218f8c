/** What the list shows: kept in the address, so that it can be sent to somebody. Pure. */
import type { Query } from '$lib/router.svelte';

export interface Filter {
  model: string;
  status: string;
  text: string;
  session: string;
  start: string;
  end: string;
}

export const EMPTY: Filter = { model: '', status: '', text: '', session: '', start: '', end: '' };
export const KEYS = Object.keys(EMPTY) as (keyof Filter)[];

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
