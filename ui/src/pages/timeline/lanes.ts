/** From changes of phase to pieces of lanes. Pure; times are unix seconds of the server. */
import type { ModelState } from '$lib/api/types';

export interface Change {
  at: number;
  model: string;
  state: ModelState;
  because: string;
}
export interface Piece {
  model: string;
  state: ModelState;
  /** When it began, even before what is shown. */
  at: number;
  from: number;
  to: number;
  /** It still goes on. */
  isOpen: boolean;
  because: string;
}
export interface Lane {
  model: string;
  pieces: Piece[];
}

/** One lane a model, those that were busy last first; stopped models leave a gap. */
export function lanes(changes: readonly Change[], start: number, now: number): Lane[] {
  const byModel = new Map<string, Change[]>();
  for (const change of changes) byModel.set(change.model, [...(byModel.get(change.model) ?? []), change]);
  return [...byModel]
    .map(([model, own]) => ({ model, pieces: pieces(own, start, now) }))
    .filter((lane) => lane.pieces.length)
    .sort((a, b) => (b.pieces.at(-1)?.to ?? 0) - (a.pieces.at(-1)?.to ?? 0) || a.model.localeCompare(b.model));
}

function pieces(changes: readonly Change[], start: number, now: number): Piece[] {
  return changes
    .map((change, at): Piece => {
      const next = changes[at + 1];
      return {
        model: change.model,
        state: change.state,
        at: change.at,
        from: Math.max(change.at, start),
        to: next?.at ?? now,
        isOpen: !next,
        because: change.because || (next && isLeaving(next.state) ? next.because : ''),
      };
    })
    .filter((piece) => piece.state !== 'stopped' && piece.to > start && piece.to >= piece.from);
}

const isLeaving = (state: ModelState): boolean => state === 'stopping' || state === 'falling-asleep';

/** Where the lanes begin: what was asked for, or a little before the first change where nothing is older. */
export function beginning(changes: readonly Change[], seconds: number, now: number): number {
  const first = Math.min(now, ...changes.map((change) => change.at));
  const margin = Math.max(SHORTEST, (now - first) * 1.05);
  return now - Math.min(seconds, margin);
}
const SHORTEST = 30;

/** Even steps of time for the axis. */
export function ticks(start: number, now: number): number[] {
  const steps = [5, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];
  const step = steps.find((each) => (now - start) / each <= 8) ?? 86_400;
  const found: number[] = [];
  for (let at = Math.ceil(start / step) * step; at <= now; at += step) found.push(at);
  return found;
}
