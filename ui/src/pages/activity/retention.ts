/** How much of the past is kept, and the keys of the configuration that say so. Pure. */
export interface Kept {
  place: 'memory' | 'file' | 'database';
  rows: number;
  /** Unix seconds. */
  oldest: number | null;
  max_rows: number | null;
  max_age_seconds: number | null;
  captures: { count: number; bytes: number; max_bytes: number };
}
/** As a person writes them; 0 rows or days: no limit, 0 MiB: no captures. */
export interface Limits {
  rows: number;
  days: number;
  mib: number;
}
type Document_ = Record<string, unknown>;

const DAY = 86_400;
const MIB = 2 ** 20;

export function limitsOf(kept: Kept): Limits {
  return {
    rows: kept.max_rows ?? 0,
    days: Math.round(((kept.max_age_seconds ?? 0) / DAY) * 100) / 100,
    mib: Math.round(kept.captures.max_bytes / MIB),
  };
}

/** The document of the configuration with the limits that were changed; everything else is as it was. */
export function withLimits(document: Document_, place: Kept['place'], old: Limits, now: Limits): Document_ {
  const changed = { ...document };
  if (now.mib !== old.mib) changed.captureBuffer = now.mib;
  if (place === 'memory') {
    if (now.rows !== old.rows) changed.metricsMaxInMemory = now.rows;
    return changed;
  }
  const store = { ...(document.store as Document_ | undefined) };
  if (now.rows !== old.rows) put(store, 'maxRows', now.rows || null);
  if (now.days !== old.days) put(store, 'maxAge', now.days ? spanOf(now.days) : null);
  return { ...changed, store };
}

/** `720h`; minutes where it is no whole number of hours. */
export function spanOf(days: number): string {
  const minutes = Math.max(1, Math.round(days * 1440));
  return minutes % 60 ? `${minutes}m` : `${minutes / 60}h`;
}

function put(mapping: Document_, key: string, value: unknown): void {
  if (value === null) delete mapping[key];
  else mapping[key] = value;
}
