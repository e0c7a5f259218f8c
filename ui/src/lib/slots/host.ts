/** What a plugin's module gets as `host`: the version-1 contract. Add, never change. */
import { api, address } from '../api/client';
import { events } from '../api/events.svelte';
import { router } from '../router.svelte';
import { confirm, type Question } from '../state/confirm.svelte';
import { jobs } from '../state/jobs.svelte';
import type { ModuleSpec } from '../state/manifest.svelte';
import { prefs } from '../state/prefs.svelte';
import { theme } from '../state/theme.svelte';
import { toasts } from '../state/toasts.svelte';
import { openAction } from './actions.svelte';

export interface Mounted {
  update?: (props: Record<string, unknown>) => void;
  unmount?: () => void;
}

export interface PanelModule {
  mount: (el: HTMLElement, host: Host) => Mounted | void | Promise<Mounted | void>;
}

export interface Host {
  /** The module's id in the manifest. */
  id: string;
  /** `api.get('plugins/mine/rows')`: paths below the server's `api/`; `post`, `put`, `delete` alike. */
  api: Pick<typeof api, 'get' | 'post' | 'put' | 'delete'> & { address: (path: string) => string };
  /** The whole address of something the server has, e.g. for a link: `host.address('api/mine/export', { format })`. */
  address: typeof address;
  events: { on: <T>(name: string, listener: (data: T, name: string) => void) => () => void };
  jobs: { list: () => unknown[]; show: (id: string) => void };
  /** The languages of the pages: pick one of the texts. */
  t: (texts: Record<string, string>) => string;
  theme: { readonly isDark: boolean; colour: (token: string) => string };
  language: string;
  navigate: (path: string, query?: Record<string, string>) => void;
  toast: (text: string, kind?: 'info' | 'ok' | 'error') => void;
  confirm: (question: Question) => Promise<boolean>;
  /** Open the form of an action. */
  openForm: (action: string, values?: Record<string, unknown>) => void;
  props: Record<string, unknown>;
  /** Aborts when the module is unmounted. */
  signal: AbortSignal;
  features: readonly string[];
}

const FEATURES = ['api', 'events', 'jobs', 'forms', 'elements'] as const;
const below = (path: string): string => `api/${path.replace(/^\/?(?:api\/)?/, '')}`;

export function makeHost(module: ModuleSpec, props: Record<string, unknown>, signal: AbortSignal): Host {
  return {
    id: module.id,
    api: {
      get: (path, options) => api.get(below(path), { signal, ...options }),
      post: (path, body, options) => api.post(below(path), body, { signal, ...options }),
      put: (path, body, options) => api.put(below(path), body, { signal, ...options }),
      delete: (path, options) => api.delete(below(path), { signal, ...options }),
      address: (path) => address(below(path)),
    },
    address,
    events: {
      on: (name, listener) => {
        const off = events.on(name, listener);
        signal.addEventListener('abort', off);
        return off;
      },
    },
    jobs: { list: () => jobs.newestFirst, show: (id) => jobs.show(id) },
    t: (texts) => texts[prefs.language] ?? texts.en ?? Object.values(texts)[0] ?? '',
    theme: {
      get isDark() {
        return theme.isDark;
      },
      colour: (token) => theme.colour(token),
    },
    get language() {
      return prefs.language;
    },
    navigate: (path, query) => router.go(path, query),
    toast: (text, kind) => void toasts.show(text, kind),
    confirm,
    openForm: (action, values) => openAction(action, {}, values as Record<string, never>),
    props,
    signal,
    features: FEATURES,
  };
}
