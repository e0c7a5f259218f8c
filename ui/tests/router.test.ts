import { expect, test } from 'vitest';
import { href, match, parsePlace, segment } from '../src/lib/router.svelte';

test('a place is a path and a query', () => {
  expect(parsePlace('#/models?state=ready&q=a%20b')).toEqual({ path: '/models', query: { state: 'ready', q: 'a b' } });
  expect(parsePlace('')).toEqual({ path: '/', query: {} });
});

test('an address is read back as it was written', () => {
  const written = href(`/models/${segment('org/small?')}`, { tab: 'logs', empty: '' });
  const place = parsePlace(written);
  expect(place.query).toEqual({ tab: 'logs' });
  expect(match('/models/:id', place.path)).toEqual({ id: 'org/small?' });
});

test('a pattern takes its own paths only', () => {
  expect(match('/models/:id', '/models')).toBeNull();
  expect(match('/models', '/models/a')).toBeNull();
  expect(match('/x/*', '/x/bench/runs')).toEqual({ rest: 'bench/runs' });
});
