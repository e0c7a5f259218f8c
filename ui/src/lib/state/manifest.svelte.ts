/** What the installed plugins add to these pages, as `GET /api/ui/manifest` tells it. Unknown parts are passed over. */
import { api, ApiError } from '../api/client';
import { isOver, type Job } from '../api/jobs';
import { events, type Events } from '../api/events.svelte';
import type { Schema } from '../form/schema';
import { texts } from './texts.svelte';

export interface PluginInfo {
  id: string;
  dist?: string;
  version?: string;
  title?: string;
  icon?: string;
  status?: string;
  error?: string | null;
}

export interface NavEntry {
  id: string;
  title: string;
  icon?: string;
  route: string;
  section?: string;
  order?: number;
  badge?: { topic: string; filter?: Record<string, string> } | null;
}

export interface ViewSpec {
  id: string;
  slot?: string;
  title?: string;
  kind: string;
  order?: number;
  route?: string;
  only?: Only;
  source?: { get?: string; refresh?: { event?: string; every?: number } | null } | null;
  props?: Record<string, unknown>;
}

export interface ActionSpec {
  id: string;
  title: string;
  description?: string;
  icon?: string;
  slots?: string[];
  target?: string;
  input?: Schema | { $ref: string } | null;
  confirm?: { level: 'none' | 'ask' | 'type'; text?: string } | null;
  danger?: boolean;
  policy?: string;
  role?: string;
  job?: boolean;
  preview?: boolean;
  available?: { ok: boolean; reason?: string } | null;
  order?: number;
}

export interface ModuleSpec {
  id: string;
  slot?: string;
  title?: string;
  route?: string;
  only?: Only;
  module: string;
  css?: string[];
  sdk?: string;
  props?: Record<string, unknown>;
  order?: number;
}

export interface SettingsSpec {
  id: string;
  title?: string;
  schema: Schema | { $ref: string };
  values: string;
}

export interface Manifest {
  schema: number;
  core?: string;
  plugins: PluginInfo[];
  nav: NavEntry[];
  views: ViewSpec[];
  actions: ActionSpec[];
  settings: SettingsSpec[];
  modules: ModuleSpec[];
}

/** The manifest's version that these pages understand; a newer one may have broken shapes. */
export const SCHEMA = 1;
const SOON_MS = 500;
const EMPTY: Manifest = { schema: SCHEMA, plugins: [], nav: [], views: [], actions: [], settings: [], modules: [] };
const LISTS = ['plugins', 'nav', 'views', 'actions', 'settings', 'modules'] as const;

/** Whatever came, as a manifest: lists that are lists, entries that are objects with an id. */
export function readManifest(value: unknown): Manifest {
  if (typeof value !== 'object' || value === null) return EMPTY;
  const given = value as Record<string, unknown>;
  const lists = LISTS.map((name) => {
    const list = Array.isArray(given[name]) ? given[name] : [];
    return [name, list.filter((each: unknown) => typeof (each as { id?: unknown } | null)?.id === 'string')];
  });
  return {
    ...EMPTY,
    schema: Number(given.schema ?? SCHEMA),
    core: String(given.core ?? ''),
    ...Object.fromEntries(lists),
  };
}

/** Which words of the place must have which values; `*` is any but none. */
export type Only = Record<string, string[]>;

export function isFor(only: Only | undefined, context: Readonly<Record<string, string>>): boolean {
  return Object.entries(only ?? {}).every(([word, values]) => {
    const value = context[word] ?? '';
    return Array.isArray(values) && values.some((each) => (each === '*' ? value !== '' : each === value));
  });
}

const ordered = <T extends { order?: number }>(list: T[]): T[] =>
  list.sort((a, b) => (a.order ?? 100) - (b.order ?? 100));

class ManifestStore {
  #given = $state.raw<Manifest>(EMPTY);
  /** In the language of the person, as far as its plugins have it. */
  current = $derived(texts.of(this.#given));
  isKnown = $state(false);
  problem = $state.raw<unknown>(null);
  #etag = '';
  #timer: ReturnType<typeof setTimeout> | undefined;

  get isTooNew(): boolean {
    return this.current.schema > SCHEMA;
  }
  views(slot: string, context: Readonly<Record<string, string>> = {}): ViewSpec[] {
    return ordered(this.current.views.filter((view) => view.slot === slot && isFor(view.only, context)));
  }
  modules(slot: string, context: Readonly<Record<string, string>> = {}): ModuleSpec[] {
    return ordered(this.current.modules.filter((module) => module.slot === slot && isFor(module.only, context)));
  }
  actions(slot: string): ActionSpec[] {
    return ordered(this.current.actions.filter((action) => action.slots?.includes(slot)));
  }
  action(id: string): ActionSpec | undefined {
    return this.current.actions.find((action) => action.id === id);
  }

  /** Several reasons within a moment are one. */
  loadSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(), SOON_MS);
  }

  async load(): Promise<void> {
    try {
      const headers: Record<string, string> = this.#etag ? { 'If-None-Match': this.#etag } : {};
      const answer = await api.call<unknown>('GET', 'api/ui/manifest', undefined, { headers });
      this.#etag = answer.etag;
      this.#given = readManifest(answer.data);
      this.problem = null;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 304 || error.status === 404)) return;
      this.problem = error;
    } finally {
      this.isKnown = true;
    }
  }
}

export const manifest = new ManifestStore();

/** Ask again when the configuration changes, a job has ended (what can be run may differ), or we are connected anew. */
export function followManifest(source: Events = events): void {
  for (const name of ['config.changed', 'ready']) source.on(name, () => void manifest.load());
  source.on<Job>('job.updated', (job) => isOver(job) && manifest.isKnown && manifest.loadSoon());
}
