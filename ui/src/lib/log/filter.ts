/** Which lines are shown, and where the words that were looked for stand. Pure. */
import type { Line } from './buffer';

export interface Wish {
  text: string;
  isRegex: boolean;
  /** Hide what matches instead of showing it. */
  exclude: boolean;
  /** Lines with this are hidden, whatever else fits; read as `text` is. */
  without: string;
  /** The least level; lines without one are shown only for "". */
  level: string;
  /** Lines around each hit that are shown too. */
  context: number;
}

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const EVERYTHING: Wish = { text: '', isRegex: false, exclude: false, without: '', level: '', context: 0 };

export interface Filter {
  /** What is wrong with the regular expression. */
  problem: string;
  pattern: RegExp | null;
  fits: (line: Line) => boolean;
}

export function makeFilter(wish: Wish): Filter {
  const { pattern, problem: wrong } = patternOf(wish.text, wish.isRegex);
  const hidden = patternOf(wish.without, wish.isRegex);
  const problem = wrong || hidden.problem;
  const least = LEVELS.indexOf(wish.level as (typeof LEVELS)[number]);
  const fits = (line: Line) => {
    if (least >= 0 && LEVELS.indexOf(line.level as (typeof LEVELS)[number]) < least) return false;
    if (hidden.pattern && found(hidden.pattern, line)) return false;
    if (!pattern) return true;
    return found(pattern, line) !== wish.exclude;
  };
  return { problem, pattern: wish.exclude ? null : pattern, fits };
}

function found(pattern: RegExp, line: Line): boolean {
  pattern.lastIndex = 0;
  return pattern.test(line.text);
}

function patternOf(text: string, isRegex: boolean): { pattern: RegExp | null; problem: string } {
  if (!text) return { pattern: null, problem: '' };
  try {
    const source = isRegex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return { pattern: new RegExp(source, 'gi'), problem: '' };
  } catch (error) {
    return { pattern: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

export function apply(lines: readonly Line[], filter: Filter, context: number): Line[] {
  if (!context) return lines.filter(filter.fits);
  const keep = new Uint8Array(lines.length);
  lines.forEach((line, index) => {
    if (filter.fits(line)) keep.fill(1, Math.max(0, index - context), index + context + 1);
  });
  return lines.filter((_, index) => keep[index]);
}

/** Begin and end of each hit; hits of no length are passed over. */
export function hits(text: string, pattern: RegExp | null): [number, number][] {
  if (!pattern) return [];
  pattern.lastIndex = 0;
  const found: [number, number][] = [];
  for (const match of text.matchAll(pattern)) {
    if (match[0]) found.push([match.index, match.index + match[0].length]);
    if (found.length > 100) break;
  }
  return found;
}

/** Where the first line of that moment or later stands; the last one when there is none. */
export function indexAt(lines: readonly Line[], seconds: number): number {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.ts ?? 0) < seconds) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, Math.min(low, lines.length - 1));
}

/** The address of a line: its source, and its number there. */
export const mark = (line: Pick<Line, 'source' | 'seq'>): string => `${line.source}@${line.seq}`;
