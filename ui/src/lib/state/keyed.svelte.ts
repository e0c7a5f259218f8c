/**
 * Records by id that follow the stream of events. A snapshot (`reset` … `ready`) is gathered aside and put in place
 * whole, so that a reconnect never empties the page.
 */
export class Keyed<T extends { id: string }> {
  all = $state.raw<ReadonlyMap<string, T>>(new Map());
  /** A first snapshot has come. */
  isKnown = $state(false);
  #incoming: Map<string, T> | null = null;

  get list(): T[] {
    return [...this.all.values()];
  }
  get(id: string): T | undefined {
    return this.all.get(id);
  }
  reset(): void {
    this.#incoming = new Map();
  }
  ready(): void {
    if (!this.#incoming) return;
    this.all = this.#incoming;
    this.#incoming = null;
    this.isKnown = true;
  }
  update(record: T): void {
    if (this.#incoming) this.#incoming.set(record.id, record);
    else this.all = new Map(this.all).set(record.id, record);
  }
  remove(id: string): void {
    if (this.#incoming) this.#incoming.delete(id);
    else if (this.all.has(id)) this.all = new Map([...this.all].filter(([key]) => key !== id));
  }
  /** Put a whole list in place. */
  fill(records: readonly T[]): void {
    this.reset();
    for (const record of records) this.update(record);
    this.ready();
  }
}
