import { describe, expect, test } from 'vitest';
import { ago, bytes, cssShare, duration, home, homesIn, percent } from '../src/lib/format';

describe('numbers as people read them', () => {
  test.each([
    [0, '0 B'],
    [1023, '1,023 B'],
    [1536, '1.5 KiB'],
    [24 * 2 ** 30, '24 GiB'],
  ])('%d bytes are %s', (count, text) => expect(bytes(count)).toBe(text));

  test.each([
    [0.0421, '42 ms'],
    [0.42, '0.42 s'],
    [12.4, '12 s'],
    [185, '3 min 5 s'],
    [7800, '2 h 10 min'],
    [90_000, '1 d 1 h'],
  ])('%d seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

  test('a fraction is a percentage', () => expect(percent(0.427)).toBe('43%'));
  test('what is not a number is a dash', () => expect([bytes(NaN), duration(Infinity)]).toEqual(['–', '–']));
  test('a time is told from now', () => expect(ago(1000, 1_180_000)).toBe('3 min. ago'));
});

test('a path under a home is shown with a tilde', () => {
  expect(home('/home/me/models/a.gguf')).toBe('~/models/a.gguf');
  expect(home('/homes/me')).toBe('/homes/me');
  expect(homesIn('cached in /home/me/.cache (default), not in /srv/home/me/x')).toBe(
    'cached in ~/.cache (default), not in /srv/home/me/x',
  );
});

test('a share for CSS is the same in every language', () => {
  expect([0.5, -1, 2].map(cssShare)).toEqual(['50%', '0%', '100%']);
});
