/** Where we are: the hash holds a path and a query, so every view has an address that can be sent to somebody. */

export type Query = Record<string, string>;

export interface Place {
  path: string;
  query: Query;
}

export function parsePlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#/, '').split(/\?(.*)/s);
  return { path: path.startsWith('/') ? path : '/', query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a place, for links: `href('/models', { state: 'ready' })`. */
export function href(path: string, query: Record<string, string | number | null | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return `#${path}${text ? `?${text}` : ''}`;
}

/** One name in a path: model ids may hold slashes. */
export const segment = (name: string): string => encodeURIComponent(name);

/** `/models/:id` against `/models/a%2Fb` gives `{id: 'a/b'}`; `*` at the end takes the rest. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/').filter(Boolean);
  const given = path.split('/').filter(Boolean);
  const values: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    if (part === '*') return { ...values, rest: given.slice(index).map(decoded).join('/') };
    const value = given[index];
    if (value === undefined) return null;
    if (part.startsWith(':')) values[part.slice(1)] = decoded(value);
    else if (part !== value) return null;
  }
  return wanted.length === given.length ? values : null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

class Router {
  #place = $state.raw<Place>({ path: '/', query: {} });
  /** Asked before leaving; a page with unsaved work sets it. True lets go. */
  guard: (() => boolean | Promise<boolean>) | null = null;
  #isReturning = false;

  constructor() {
    if (typeof window === 'undefined') return;
    this.#place = parsePlace(location.hash);
    window.addEventListener('hashchange', (event) => void this.#changed(event));
    window.addEventListener('beforeunload', (event) => this.guard && event.preventDefault());
  }
  get path(): string {
    return this.#place.path;
  }
  get query(): Query {
    return this.#place.query;
  }
  go(path: string, query: Parameters<typeof href>[1] = {}): void {
    location.hash = href(path, query);
  }
  /** Change parts of the query without a step in the browser's history; null takes a part away. */
  setQuery(change: Record<string, string | number | null | undefined>): void {
    const target = href(this.path, { ...this.query, ...change });
    if (target === href(this.path, this.query)) return;
    history.replaceState(history.state, '', target);
    this.#place = parsePlace(target);
  }

  async #changed(event: HashChangeEvent): Promise<void> {
    const next = parsePlace(location.hash);
    if (this.#isReturning) {
      this.#isReturning = false;
      return;
    }
    if (this.guard && next.path !== this.path && !(await this.guard())) {
      this.#isReturning = true;
      location.replace(event.oldURL);
      return;
    }
    if (next.path !== this.path) this.guard = null;
    this.#place = next;
  }
}

export const router = new Router();
