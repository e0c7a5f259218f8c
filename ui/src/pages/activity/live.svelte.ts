/** A report of the server, asked anew when its question changes and, not too often, when requests have ended. */
import { api, isAbort } from '$lib/api/client';
import { events } from '$lib/api/events.svelte';

export class Report<T> {
  data = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);

  /** Call while a component is made. `query` is JSON, or "" while nothing is wanted. */
  constructor(path: string, query: () => string, every: number) {
    $effect(() => {
      const wanted = query();
      if (!wanted) return;
      const parameters = JSON.parse(wanted) as Record<string, string>;
      const controller = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const load = async () => {
        timer = undefined;
        try {
          this.data = await api.get<T>(path, { query: parameters, signal: controller.signal });
          this.error = null;
        } catch (failure) {
          if (!isAbort(failure)) this.error = failure;
        }
      };
      void load();
      const off = events.on('activity.*', () => (timer ??= setTimeout(() => void load(), every)));
      return () => {
        off();
        clearTimeout(timer);
        controller.abort();
      };
    });
  }
}
