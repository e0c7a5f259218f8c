/** What can be named in a request: models, aliases, selectors, profiles, models of peers. */
import { api } from '$lib/api/client';
import type { Option } from '$lib/ui/Select.svelte';
import { t } from './words';

export interface Listed {
  id: string;
  name?: string;
  meta?: { llamaswap?: { type?: string; peerID?: string; modelID?: string; aliases?: string[] } };
  capabilities?: Record<string, boolean> | string[];
}

const ORDER = ['profile', 'selector', 'model', 'alias', 'peer'];

const kindOf = (each: Listed): string => each.meta?.llamaswap?.type ?? 'model';
const can = ({ capabilities: has }: Listed, kind: string): boolean =>
  Array.isArray(has) ? has.includes(kind) : has?.[kind] === true;

/** By kind; aliases stand, indented, below their model. */
export function optionsOf(list: readonly Listed[], kind: string): Option[] {
  const ids = new Set(list.map((each) => each.id));
  const isUnder = (each: Listed) => kindOf(each) === 'alias' && ids.has(each.meta?.llamaswap?.modelID ?? '');
  const main = list.filter((each) => !isUnder(each)).sort((a, b) => rank(a, kind) - rank(b, kind));
  return main.flatMap((each) => {
    const group = kind && can(each, kind) ? t('matching') : heading(each);
    const named = list.filter((other) => isUnder(other) && other.meta?.llamaswap?.modelID === each.id);
    const aliases = new Set([...(each.meta?.llamaswap?.aliases ?? []), ...named.map(({ id }) => id)]);
    return [
      { value: each.id, label: each.id, group },
      ...[...aliases].map((alias) => ({ value: alias, label: `\u2003${alias}`, group })),
    ];
  });
}
const rank = (each: Listed, kind: string): number => (kind && can(each, kind) ? -1 : ORDER.indexOf(kindOf(each)));

class Choices {
  list = $state.raw<Listed[]>([]);
  error = $state.raw<unknown>(null);

  async refresh(): Promise<void> {
    try {
      this.list = (await api.get<{ data: Listed[] }>('v1/models')).data;
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }
  /** For a select; a name that is no longer there stays visible as such. Those that say they can do `kind` come first. */
  options(also: string, kind = ''): Option[] {
    const options = optionsOf(this.list, kind);
    const isThere = !also || options.some((option) => option.value === also);
    return isThere ? options : [{ value: also, label: t('gone', { name: also }), group: '' }, ...options];
  }
  get first(): string {
    return this.firstOf();
  }
  /** What to begin with: who says that it can do this, else any model. */
  firstOf(kind = ''): string {
    const able = kind ? this.list.find((each) => can(each, kind)) : undefined;
    return (able ?? this.list.find((each) => kindOf(each) === 'model') ?? this.list[0])?.id ?? '';
  }
}

function heading(each: Listed): string {
  switch (kindOf(each)) {
    case 'profile':
      return t('profiles');
    case 'selector':
      return t('selectors');
    case 'alias':
      return t('aliases');
    case 'peer':
      return t('peer', { name: each.meta?.llamaswap?.peerID ?? '' });
    default:
      return t('models');
  }
}

export const choices = new Choices();
