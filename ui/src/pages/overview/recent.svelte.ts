/** The last requests and the sums of all, asked again when something is added, at most once a second. */
import { api } from '$lib/api/client';
import { events } from '$lib/api/events.svelte';

export interface Row {
  id: number;
  timestamp: string;
  model: string;
  req_path: string;
  resp_status_code: number;
  duration_ms: number;
  tokens: { tokens_per_second: number };
}

const SHOWN = 40;
const LEAST_MS = 1000;

class Recent {
  rows = $state.raw<Row[]>([]);
  total = $state(0);
  speed = $state<number | null>(null);
  isKnown = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** For an effect: begins, and answers what ends it. */
  follow(): () => void {
    void this.#load();
    const soon = () => {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        void this.#load();
      }, LEAST_MS);
    };
    const offs = [events.on('activity.*', soon), events.on('reset', soon)];
    return () => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      offs.forEach((off) => off());
    };
  }

  async #load(): Promise<void> {
    try {
      const [page, sums] = await Promise.all([
        api.get<{ data: Row[]; total: number }>('api/metrics/activity', { query: { limit: SHOWN } }),
        api.get<{ gen_histogram: { p50: number } | null }>('api/metrics/stats'),
      ]);
      this.rows = page.data;
      this.total = page.total;
      this.speed = sums.gen_histogram?.p50 ?? null;
      this.isKnown = true;
    } catch {
      // the banner says that the server is away; the next event tries again
    }
  }
}

export const recent = new Recent();
