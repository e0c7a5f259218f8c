/** The models and the requests they serve, as the server announces them. */
import type { InFlightRequest, Model, ModelState } from '../api/types';
import { events, type Events } from '../api/events.svelte';
import { Keyed } from './keyed.svelte';

const COMING: ReadonlySet<ModelState> = new Set(['starting', 'waking']);
const UP: ReadonlySet<ModelState> = new Set(['ready', 'starting', 'waking', 'stopping', 'falling-asleep']);

class Models extends Keyed<Model> {
  /** When each record came, in the browser's clock: running times count on from there. */
  seenAt = new Map<string, number>();

  override update(record: Model): void {
    this.seenAt.set(record.id, Date.now());
    super.update(record);
  }
  /** By id or alias. */
  find(name: string): Model | undefined {
    return this.get(name) ?? this.list.find((model) => model.aliases.includes(name));
  }
  get listed(): Model[] {
    return this.list.filter((model) => !model.unlisted);
  }
  get running(): Model[] {
    return this.list.filter((model) => UP.has(model.state));
  }
  secondsUp(model: Model, now: number): number {
    const since = (now - (this.seenAt.get(model.id) ?? now)) / 1000;
    return model.elapsed_seconds + Math.max(0, since);
  }
}

export const models = new Models();
export const inflight = new Keyed<InFlightRequest>();
export const isComing = (model: Model): boolean => COMING.has(model.state);
export const isUp = (model: Model): boolean => UP.has(model.state);

/** Let the stores follow the stream; once, at the start. */
export function connect(source: Events = events): void {
  for (const store of [models, inflight]) {
    source.on('reset', () => store.reset());
    source.on('ready', () => store.ready());
  }
  source.on<Model>('model.updated', (model) => models.update(model));
  source.on<{ id: string }>('model.removed', ({ id }) => models.remove(id));
  source.on<InFlightRequest>('inflight.updated', (request) => inflight.update(request));
  source.on<{ id: string }>('inflight.removed', ({ id }) => inflight.remove(id));
}
