/** Reading what plugins answer: loosely typed JSON, so everything is looked at before it is used. Pure. */

export type Row = Record<string, unknown>;

export const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A list of rows: the answer itself, or the list below one of these names. */
export function rowsOf(value: unknown, ...names: string[]): Row[] {
  const list = Array.isArray(value) ? value : isRow(value) ? names.map((name) => value[name]).find(Array.isArray) : [];
  return (list ?? []).filter(isRow);
}

export function text(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

/** Links that may be followed: pages of ours, our own server, or the web; nothing that runs. */
export function safeHref(value: unknown): string | undefined {
  const href = text(value);
  return /^(#\/|https?:\/\/|\.{0,2}\/?[\w-]+(\/|$))/.test(href) && !/^\w+:(?!\/\/)/.test(href) ? href : undefined;
}

const LOOKS: Record<string, string> = {
  ok: 'ok',
  success: 'ok',
  succeeded: 'ok',
  ready: 'ok',
  healthy: 'ok',
  warn: 'warn',
  warning: 'warn',
  degraded: 'warn',
  pending: 'warn',
  running: 'info',
  info: 'info',
  err: 'error',
  error: 'error',
  failed: 'error',
  critical: 'error',
};
/** The look of a badge for a state; nothing special for one that is not known. */
export const lookOf = (state: unknown): string => LOOKS[text(state).toLowerCase()] ?? '';
