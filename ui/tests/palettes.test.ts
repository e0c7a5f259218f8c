/** What tokens.css promises of contrast, computed for every palette, light and dark. */
import { expect, test } from 'vitest';
import { PALETTES } from '../src/lib/state/prefs.svelte';
import palettes from '../src/styles/palettes.css?raw';
import tokens from '../src/styles/tokens.css?raw';

const SCHEMES = ['light', 'dark'] as const;
type Colours = Record<string, string>;

/** The colours of a block `selector { … }`, for one scheme. */
function colours(css: string, selector: string, scheme: (typeof SCHEMES)[number]): Colours {
  const block = css.split(`${selector} {`)[1]?.split('}')[0] ?? '';
  const pairs = [...block.matchAll(/--sl-([\w-]+):\s*(?:light-dark\((#\w{6}), (#\w{6})\)|(#\w{6}));/g)];
  return Object.fromEntries(
    pairs.map(([, name, light, dark, both]) => [name, both ?? (scheme === 'light' ? light : dark)]),
  );
}
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}
const KINDS = ['accent', 'ok', 'warn', 'error', 'info', 'sleep'];
const PROMISES: [string, string, number][] = [
  ...['text', 'muted', ...KINDS].flatMap((name): [string, string, number][] => [
    [name, 'bg', 4.5],
    [name, 'surface', 4.5],
  ]),
  ...['text', 'muted', 'accent'].flatMap((name): [string, string, number][] => [
    [name, 'inset', 4.5],
    [name, 'hover', 4.5],
    [name, 'raised', 4.5],
  ]),
  ...KINDS.map((name): [string, string, number] => [name, `${name}-soft`, 4.5]),
  ['on-accent', 'accent-fill', 4.5],
  ['on-accent', 'accent-fill-hover', 4.5],
  ['line-strong', 'bg', 3],
  ['line-strong', 'surface', 3],
];

test.each(PALETTES.flatMap((palette) => SCHEMES.map((scheme) => [palette, scheme] as const)))(
  'text and lines of %s stand out in the %s scheme',
  (palette, scheme) => {
    const own = colours(palettes, `[data-palette='${palette}']`, scheme);
    expect(Object.keys(own).length > 10).toBe(palette !== 'indigo');
    const all = { ...colours(tokens, "[data-palette='indigo']", scheme), ...own };
    const faint = PROMISES.filter(([on, under, least]) => !(contrast(all[on] ?? '', all[under] ?? '') >= least));
    expect(faint.map(([on, under]) => `${on} on ${under}: ${contrast(all[on] ?? '', all[under] ?? '')}`)).toEqual([]);
  },
);
