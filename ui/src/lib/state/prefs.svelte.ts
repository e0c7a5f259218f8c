/** What a person prefers on this browser: one versioned key of localStorage, the same in all tabs. */

export type Theme = 'system' | 'light' | 'dark';
export type Language = 'en' | 'es';
export const PALETTES = ['indigo', 'ocean', 'forest', 'violet', 'rose', 'amber', 'slate', 'contrast'] as const;
/** `indigo` is what tokens.css says, the others are in palettes.css. */
export type Palette = (typeof PALETTES)[number];
export const LEVELS = ['simple', 'operator', 'developer'] as const;
/** How much is shown: what one needs to use models, to run them, or to see how it works. */
export type Level = (typeof LEVELS)[number];

interface Stored {
  theme: Theme;
  palette: Palette;
  level: Level;
  language: Language;
  title: string;
  rail: boolean;
  pinned: string[];
  views: Record<string, unknown>;
}

const KEY = 'swaplab.prefs.v1';
const TITLE_LENGTH = 64;

function defaults(): Stored {
  const spanish = typeof navigator !== 'undefined' && navigator.language.toLowerCase().startsWith('es');
  const look = { theme: 'system', palette: 'indigo', level: 'operator', language: spanish ? 'es' : 'en' } as const;
  return { ...look, title: '', rail: false, pinned: [], views: {} };
}

/** What was stored, as far as it makes sense; a foreign or damaged value counts as none. */
export function parse(text: string | null): Stored {
  const base = defaults();
  try {
    const found: unknown = JSON.parse(text ?? '{}');
    if (typeof found !== 'object' || found === null) return base;
    const given = found as Partial<Stored>;
    return {
      theme: given.theme === 'light' || given.theme === 'dark' ? given.theme : 'system',
      palette: PALETTES.find((each) => each === given.palette) ?? base.palette,
      level: LEVELS.find((each) => each === given.level) ?? base.level,
      language: given.language === 'en' || given.language === 'es' ? given.language : base.language,
      title: typeof given.title === 'string' ? given.title.slice(0, TITLE_LENGTH) : '',
      rail: given.rail === true,
      pinned: Array.isArray(given.pinned) ? given.pinned.filter((id) => typeof id === 'string') : [],
      views: typeof given.views === 'object' && given.views !== null ? given.views : {},
    };
  } catch {
    return base;
  }
}

class Prefs {
  #stored = $state(defaults());

  constructor() {
    this.#stored = parse(read());
    if (typeof window === 'undefined') return;
    window.addEventListener('storage', (event) => {
      if (event.key === KEY) this.#stored = parse(event.newValue);
    });
  }

  get theme(): Theme {
    return this.#stored.theme;
  }
  set theme(value: Theme) {
    this.#put({ theme: value });
  }
  get palette(): Palette {
    return this.#stored.palette;
  }
  set palette(value: Palette) {
    this.#put({ palette: value });
  }
  get level(): Level {
    return this.#stored.level;
  }
  set level(value: Level) {
    this.#put({ level: value });
  }
  /** Whether at least this much is to be shown. */
  shows(level: Level): boolean {
    return LEVELS.indexOf(this.#stored.level) >= LEVELS.indexOf(level);
  }
  get language(): Language {
    return this.#stored.language;
  }
  set language(value: Language) {
    this.#put({ language: value });
  }
  /** The person's own name for this server, "" for none. */
  get title(): string {
    return this.#stored.title;
  }
  set title(value: string) {
    this.#put({ title: value.trim().slice(0, TITLE_LENGTH) });
  }
  /** The sidebar shows icons only. */
  get rail(): boolean {
    return this.#stored.rail;
  }
  set rail(value: boolean) {
    this.#put({ rail: value });
  }
  get pinned(): readonly string[] {
    return this.#stored.pinned;
  }
  togglePin(id: string): void {
    const pinned = this.#stored.pinned;
    this.#put({ pinned: pinned.includes(id) ? pinned.filter((each) => each !== id) : [...pinned, id] });
  }
  /** How one view (a table's columns, a page's filters) was left; anything that JSON holds. */
  view<T>(name: string, otherwise: T): T {
    return (this.#stored.views[name] as T | undefined) ?? otherwise;
  }
  setView(name: string, value: unknown): void {
    this.#put({ views: { ...this.#stored.views, [name]: value } });
  }

  #put(change: Partial<Stored>): void {
    this.#stored = { ...this.#stored, ...change };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#stored));
    } catch {
      // a full or forbidden store: the choice then lasts as long as the tab
    }
  }
}

function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const prefs = new Prefs();
