/** What can be named in a request: models, aliases, selectors, profiles, models of peers. */
import { api } from '$lib/api/client';
import type { Option } from '$lib/ui/Select.svelte';
import { t } from './words';

interface Listed {
  id: string;
  name?: string;
  meta?: { llamaswap?: { type?: string; peerID?: string; model?: string } };
  capabilities?: Record<string, boolean> | string[];
}

const ORDER = ['profile', 'selector', 'model', 'alias', 'peer'];

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
  /** For a select; a name that is no longer there stays visible as such. */
  options(also: string): Option[] {
    const options = this.list
      .map((each) => ({ each, kind: each.meta?.llamaswap?.type ?? 'model' }))
      .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
      .map(({ each, kind }) => ({ value: each.id, label: each.id, group: heading(kind) }));
    const isThere = !also || options.some((option) => option.value === also);
    return isThere ? options : [{ value: also, label: t('gone', { name: also }), group: '' }, ...options];
  }
  get first(): string {
    return this.list.find((each) => (each.meta?.llamaswap?.type ?? 'model') === 'model')?.id ?? this.list[0]?.id ?? '';
  }
}

function heading(kind: string): string {
  switch (kind) {
    case 'profile':
      return t('profiles');
    case 'selector':
      return t('selectors');
    case 'alias':
      return t('aliases');
    case 'peer':
      return t('peers');
    default:
      return t('models');
  }
}

export const choices = new Choices();
