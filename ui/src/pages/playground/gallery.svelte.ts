/** The newest pictures that were made in this browser, with what made them, in IndexedDB. */
import { clear, createStore, del, entries, set, type UseStore } from 'idb-keyval';
import { newId } from './conversation';
import type { Settings } from './pictures';

export const MOST_KEPT = 200;

export interface Kept {
  id: string;
  at: number;
  model: string;
  settings: Settings;
  data: Blob;
}
export interface Picture extends Kept {
  /** Its address while the page lives. */
  url: string;
}

class Gallery {
  all = $state.raw<Picture[]>([]);
  /** Why pictures cannot be kept, e.g. in a private window. */
  trouble = $state('');
  #store: UseStore | null = null;
  #loaded: Promise<void> | null = null;

  load(): Promise<void> {
    this.#loaded ??= this.#load();
    return this.#loaded;
  }
  async add(model: string, settings: Settings, made: readonly Blob[]): Promise<void> {
    await this.load();
    const fresh = made.map((data) => ({ id: newId(), at: Date.now(), model, settings, data }));
    this.all = [...fresh.map(shown), ...this.all];
    await this.#try(async (store) => {
      for (const each of fresh) await set(each.id, each, store);
    });
    for (const old of this.all.slice(MOST_KEPT)) await this.remove(old.id);
  }
  /** Take one away; what comes back can be given to `restore`. */
  async remove(id: string): Promise<Kept | undefined> {
    const gone = this.all.find((each) => each.id === id);
    if (!gone) return undefined;
    this.all = this.all.filter((each) => each.id !== id);
    URL.revokeObjectURL(gone.url);
    await this.#try((store) => del(id, store));
    const { url: _, ...kept } = gone;
    return kept;
  }
  async restore(gone: readonly Kept[]): Promise<void> {
    this.all = [...this.all, ...gone.map(shown)].sort((a, b) => b.at - a.at);
    await this.#try(async (store) => {
      for (const each of gone) await set(each.id, each, store);
    });
  }
  /** Take all away; what comes back can be given to `restore`. */
  async clear(): Promise<Kept[]> {
    const gone = this.all.map(({ url, ...kept }) => {
      URL.revokeObjectURL(url);
      return kept;
    });
    this.all = [];
    await this.#try((store) => clear(store));
    return gone;
  }

  async #load(): Promise<void> {
    await this.#try(async () => {
      this.#store = createStore('swaplab-pictures', 'pictures');
      const found = await entries<string, Kept>(this.#store);
      this.all = found.map(([, kept]) => shown(kept)).sort((a, b) => b.at - a.at);
    });
  }
  async #try(work: (store: UseStore) => Promise<unknown>): Promise<void> {
    try {
      await work(this.#store as UseStore);
      this.trouble = '';
    } catch (error) {
      this.trouble = String(error);
    }
  }
}

const shown = (kept: Kept): Picture => ({ ...kept, url: URL.createObjectURL(kept.data) });

export const gallery = new Gallery();
