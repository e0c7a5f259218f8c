/** What the pages asked the server lately, for who wants to see how they work; nothing is noted for the others. */
import { prefs } from './prefs.svelte';

export interface Asked {
  id: number;
  method: string;
  url: string;
  /** 0: no answer. */
  status: number;
  ms: number;
}

const MOST = 50;

class Trace {
  list = $state.raw<readonly Asked[]>([]);
  #next = 1;

  /** Call when a request begins; answers what to call with its status when its head is there. */
  begin(method: string, url: string): (status: number) => void {
    if (!prefs.shows('developer')) return () => undefined;
    const began = performance.now();
    return (status) => {
      const asked = { id: this.#next++, method, url, status, ms: performance.now() - began };
      this.list = [...this.list.slice(1 - MOST), asked];
    };
  }
  clear(): void {
    this.list = [];
  }
}
export const trace = new Trace();
