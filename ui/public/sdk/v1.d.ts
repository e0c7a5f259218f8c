/** Types for modules of plugins: version 1. Things are added here, never changed. */
export { html, nothing, render, svg } from 'lit-html';
export declare const version: 1;

export interface PanelModule {
  mount(el: HTMLElement, host: Host): Mounted | void | Promise<Mounted | void>;
}

export interface Mounted {
  update?(props: Record<string, unknown>): void;
  unmount?(): void;
}

interface Options {
  signal?: AbortSignal;
  query?: Record<string, string | number | boolean | readonly string[] | null | undefined>;
  etag?: string;
}

export interface Host {
  /** The module's id in the manifest. */
  readonly id: string;
  /** Paths below the server's `api/`: `host.api.get('plugins/mine/rows')`. Refusals throw an Error with a sentence. */
  readonly api: {
    get<T>(path: string, options?: Options): Promise<T>;
    post<T>(path: string, body?: unknown, options?: Options): Promise<T>;
    put<T>(path: string, body: unknown, options?: Options): Promise<T>;
    delete<T>(path: string, options?: Options): Promise<T>;
    address(path: string): string;
  };
  /** The whole address of something the server has, for links and downloads. */
  address(path: string, query?: Options['query']): string;
  /** Events of `/api/events` by name, or a family of them as `job.*`; answers what ends it. */
  readonly events: { on<T>(name: string, listener: (data: T, name: string) => void): () => void };
  readonly jobs: { list(): unknown[]; show(id: string): void };
  /** Choose by the language of the pages: `host.t({ en: 'Runs', es: 'Ejecuciones' })`. */
  t(texts: Record<string, string>): string;
  readonly theme: { readonly isDark: boolean; colour(token: string): string };
  readonly language: string;
  navigate(path: string, query?: Record<string, string>): void;
  toast(text: string, kind?: 'info' | 'ok' | 'error'): void;
  confirm(question: { title: string; text?: string; yes?: string; danger?: boolean; word?: string }): Promise<boolean>;
  /** Open the form of an action, by its id in the manifest. */
  openForm(action: string, values?: Record<string, unknown>): void;
  readonly props: Record<string, unknown>;
  /** Aborts when the module is unmounted. */
  readonly signal: AbortSignal;
  readonly features: readonly string[];
}
