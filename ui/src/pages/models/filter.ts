/** Which models are shown, in which order and groups. Pure. */
import type { Model } from '$lib/api/types';

export type Show = 'all' | 'running' | 'stopped';
export type GroupBy = '' | 'family' | 'backend' | 'state' | 'group' | 'node';

export type SortBy = '' | 'name' | 'last' | 'most' | 'state';

export interface Wish {
  text: string;
  show: Show;
  unlisted: boolean;
  pinned: readonly string[];
  sort?: SortBy;
}

const DOWN = new Set(['stopped', 'asleep']);

export function chosen(all: readonly Model[], wish: Wish): Model[] {
  const words = wish.text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (model: Model) => {
    const text = [model.id, model.name, model.description, model.backend, ...model.aliases].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const wanted = all.filter(
    (model) =>
      (wish.unlisted || !model.unlisted) &&
      (wish.show === 'all' || DOWN.has(model.state) === (wish.show === 'stopped')) &&
      fits(model),
  );
  const rank = (model: Model) => (wish.pinned.includes(model.id) ? 0 : 1);
  return wanted.sort((a, b) => rank(a) - rank(b) || order(wish.sort ?? '', a, b));
}

const STATES = ['ready', 'waking', 'starting', 'falling-asleep', 'stopping', 'asleep', 'stopped'];

function order(by: SortBy, a: Model, b: Model): number {
  switch (by) {
    case 'name':
      return (a.name || a.id).localeCompare(b.name || b.id, undefined, { numeric: true });
    case 'last':
      return (b.last_used ?? 0) - (a.last_used ?? 0);
    case 'most':
      return b.requests - a.requests;
    case 'state':
      return STATES.indexOf(a.state) - STATES.indexOf(b.state);
    default:
      return 0;
  }
}

/** The groups in the order in which they first occur; a model of several groups is in each. */
export function grouped(models: readonly Model[], by: GroupBy, none: string): { title: string; models: Model[] }[] {
  if (!by) return [{ title: '', models: [...models] }];
  const groups = new Map<string, Model[]>();
  for (const model of models) {
    for (const title of titles(model, by, none)) groups.set(title, [...(groups.get(title) ?? []), model]);
  }
  return [...groups].map(([title, members]) => ({ title, models: members }));
}

/** What a model's name begins with, its organisation left out: `qwen3` of `Qwen/Qwen3-8B`, `llama` of `llama-3.1`. */
export function familyOf(model: Model): string {
  const name = model.id.split('/').at(-1) ?? '';
  return (/^[a-z]+(?:\d+(?:\.\d+)?)?(?![a-z])/i.exec(name)?.[0] ?? '').toLowerCase();
}

function titles(model: Model, by: GroupBy, none: string): string[] {
  switch (by) {
    case 'family':
      return [familyOf(model) || none];
    case 'backend':
      return [model.backend || none];
    case 'state':
      return [model.state];
    case 'node':
      return [model.node || none];
    default:
      return model.groups.length ? model.groups : [none];
  }
}
