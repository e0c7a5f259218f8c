/** What is free of the memory and what each model takes: asked again when models come and go, and now and then. */
import { api } from '../api/client';
import { events } from '../api/events.svelte';
import type { Basis, Place } from '../api/types';

const EVERY_MS = 15_000;
const SOON_MS = 1500;

export interface Need {
  needs: Partial<Record<Place, number>>;
  now: Partial<Record<Place, number>>;
  basis: Basis;
  measured_at: number | null;
}

interface Answer {
  places: Partial<Record<Place, { total_bytes: number; free_bytes: number }>>;
  models: Record<string, Need>;
}

class Memory {
  known = $state.raw<Answer>({ places: {}, models: {} });

  /** For an effect: begins, and answers what ends it. */
  follow(): () => void {
    let soon: ReturnType<typeof setTimeout> | undefined;
    void this.#load();
    const off = events.on('model.updated', () => {
      soon ??= setTimeout(() => {
        soon = undefined;
        void this.#load();
      }, SOON_MS);
    });
    const timer = setInterval(() => document.visibilityState === 'visible' && void this.#load(), EVERY_MS);
    return () => {
      off();
      clearTimeout(soon);
      clearInterval(timer);
    };
  }
  of(model: string): Need | undefined {
    return this.known.models[model];
  }
  async #load(): Promise<void> {
    this.known = await api.get<Answer>('api/memory').catch(() => this.known);
  }
}

export const memory = new Memory();

/** All places together: one number to sort and show. */
export const sum = (held: Partial<Record<Place, number>> | undefined): number =>
  Object.values(held ?? {}).reduce((all, each) => all + (each ?? 0), 0);
