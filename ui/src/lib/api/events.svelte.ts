/** The one stream of events that all pages share: `events.on('model.updated', …)`. */
import { follow, type ServerEvent, type StreamStatus } from './stream';

const PATH = 'api/events';

type Listener = (data: never, name: string) => void;

export class Events {
  /** `live`: what is shown is true now; otherwise it is what was true last. */
  status = $state<StreamStatus>('connecting');
  #listeners = new Map<string, Set<Listener>>();
  #line: AbortController | null = null;

  /** Hear events of one name, or all of a family with `model.*`; answers what ends it. */
  on<T>(name: string, listener: (data: T, name: string) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** Follow these topics from now on; a second call replaces the first. */
  start(topics: readonly string[]): void {
    this.stop();
    this.#line = new AbortController();
    void follow({
      path: PATH,
      query: { topics: topics.join(',') },
      resume: true,
      signal: this.#line.signal,
      onEvents: (events) => events.forEach((event) => this.#dispatch(event)),
      onStatus: (status) => (this.status = status),
    });
  }

  stop(): void {
    this.#line?.abort();
    this.#line = null;
  }

  /** Hand an event to those who listen; for tests also a way to say something. */
  emit(name: string, data: unknown): void {
    for (const key of [name, `${name.split('.')[0]}.*`]) {
      for (const listener of this.#listeners.get(key) ?? []) listener(data as never, name);
    }
  }

  #dispatch(event: ServerEvent): void {
    try {
      this.emit(event.name, JSON.parse(event.data));
    } catch (error) {
      console.error(`event ${event.name}`, error);
    }
  }
}

export const events = new Events();
