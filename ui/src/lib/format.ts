/** Numbers and times as people read them, in the language of the pages. Pure but for that language. */
import { prefs } from './state/prefs.svelte';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(count: number): string {
  if (!Number.isFinite(count)) return '–';
  const power = Math.min(Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(count))) / 10)), UNITS.length - 1);
  const value = count / 2 ** (10 * power);
  return `${number(value, power === 0 || Math.abs(value) >= 100 ? 0 : 1)} ${UNITS[power]}`;
}

export function number(value: number, digits = 0): string {
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString(prefs.language, { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}

export function percent(fraction: number, digits = 0): string {
  if (!Number.isFinite(fraction)) return '–';
  return fraction.toLocaleString(prefs.language, { style: 'percent', maximumFractionDigits: digits });
}

/** A share as CSS wants it: how people write one differs, `42 %` in Spanish. */
export const cssShare = (fraction: number): string => `${Math.min(1, Math.max(0, fraction)) * 100}%`;

/** `0.42 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0.0995) return `${number(seconds * 1000)} ms`;
  if (seconds < 10) return `${number(seconds, seconds < 1 ? 2 : 1)} s`;
  if (seconds < 60) return `${number(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return two(Math.floor(whole / 60), 'min', whole % 60, 's');
  if (whole < 86_400) return two(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min');
  return two(Math.floor(whole / 86_400), 'd', Math.floor((whole % 86_400) / 3600), 'h');
}

const two = (a: number, unitA: string, b: number, unitB: string): string =>
  b ? `${a} ${unitA} ${b} ${unitB}` : `${a} ${unitA}`;

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** `3 minutes ago`; a unix time in seconds or an ISO text. */
const CLOCK_SECONDS = 2;

export function ago(when: number | string, now = Date.now()): string {
  const passed = (now - milliseconds(when)) / 1000;
  const seconds = passed < 0 && passed > -CLOCK_SECONDS ? 0 : passed; // `now` may be a tick old
  const [unit, size] = STEPS.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1];
  const format = new Intl.RelativeTimeFormat(prefs.language, { numeric: 'auto', style: 'short' });
  return format.format(-Math.round(seconds / size), unit);
}

export function time(when: number | string): string {
  return new Date(milliseconds(when)).toLocaleTimeString(prefs.language, { hour12: false });
}

export function dateTime(when: number | string): string {
  return new Date(milliseconds(when)).toLocaleString(prefs.language, { dateStyle: 'medium', timeStyle: 'medium' });
}

function milliseconds(when: number | string): number {
  return typeof when === 'number' ? when * 1000 : Date.parse(when);
}

/** Paths under somebody's home are shown with `~`. */
export function home(path: string): string {
  return path.replace(/^\/(?:home|Users)\/[^/]+(?=\/|$)|^\/root(?=\/|$)/, '~');
}

/** The same of the paths in a sentence, where a name ends at a blank. */
export function homesIn(sentence: string): string {
  return sentence.replace(/(?<=^|[\s"'(=])\/(?:root|(?:home|Users)\/[^/\s]+)(?=\/)/g, '~');
}
