/**
 * Lines of one or several logs: a bounded list, kept as it came. A line that grows replaces itself, one that came after
 * a carriage return replaces the one before it, as on a terminal.
 */

export interface LogRecord {
  /** Grows within its source. */
  seq: number;
  /** Unix seconds. */
  ts: number;
  source: string;
  text: string;
  /** The text with colours, when it has any. */
  ansi?: string;
  level?: string;
  cr?: boolean;
}

export interface Line extends LogRecord {
  /** Unique among all lines of a buffer. */
  key: number;
}

export const LIMIT = 50_000;
/** Trimming a list costs its length, so it is done by the thousand. */
const SLACK = 2_000;

export interface Change {
  /** Lines that went from the front. */
  dropped: number;
  /** An older line changed or went: what was derived from the list must be made anew. */
  rewritten: boolean;
}

export class LogBuffer {
  lines: Line[] = [];
  #next = 1;
  #last = new Map<string, Line>();

  constructor(readonly limit = LIMIT) {}

  push(records: readonly LogRecord[]): Change {
    const from = Math.max(0, this.lines.length - 1);
    let rewritten = false;
    for (const record of records) rewritten = this.#add(record) || rewritten;
    rewritten = this.#order(from) || rewritten;
    return { dropped: this.#trim(), rewritten };
  }

  /** Show nothing of what has come so far. */
  clear(): void {
    this.lines = [];
  }
  /** Begin anew: other sources, or the same from their beginning. */
  restart(): void {
    this.clear();
    this.#last.clear();
  }

  #add(record: LogRecord): boolean {
    const last = record.seq < 0 ? undefined : this.#last.get(record.source); // a mark of ours has no number
    if (last && record.seq < last.seq) return false; // the history again, after a reconnect
    if (last && (record.seq === last.seq || record.cr)) {
      const renewed = { ...record, ts: last.ts, key: last.key };
      this.#last.set(record.source, renewed);
      this.lines[this.lines.lastIndexOf(last)] = renewed;
      return true;
    }
    const line = { ...record, key: this.#next++ };
    this.#last.set(record.source, line);
    this.lines.push(line);
    return false;
  }

  /** Lines of several sources come source by source: put them in the order of their time. */
  #order(from: number): boolean {
    const fresh = this.lines.slice(from);
    if (fresh.every((line, index) => index === 0 || line.ts >= (fresh[index - 1]?.ts ?? 0))) return false;
    this.lines.sort((a, b) => a.ts - b.ts || a.key - b.key);
    return true;
  }

  #trim(): number {
    const over = this.lines.length - this.limit;
    if (over < SLACK) return 0;
    this.lines.splice(0, over);
    return over;
  }
}
