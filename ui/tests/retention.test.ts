import { expect, test } from 'vitest';
import { limitsOf, spanOf, withLimits, type Kept } from '../src/pages/activity/retention';

const KEPT: Kept = {
  place: 'file',
  rows: 10,
  oldest: 1,
  max_rows: null,
  max_age_seconds: 720 * 3600,
  captures: { count: 0, bytes: 0, max_bytes: 5 * 2 ** 20 },
};

test('limits are read as a person says them', () => {
  expect(limitsOf(KEPT)).toEqual({ rows: 0, days: 30, mib: 5 });
  expect(limitsOf({ ...KEPT, max_age_seconds: null, max_rows: 7 })).toMatchObject({ rows: 7, days: 0 });
});

test('only what was changed is written, and no limit is no key', () => {
  const document = { models: {}, store: { path: '/a.db', maxAge: '720h' } };
  const old = limitsOf(KEPT);
  expect(withLimits(document, 'file', old, { ...old, rows: 500 })).toEqual({
    models: {},
    store: { path: '/a.db', maxAge: '720h', maxRows: 500 },
  });
  expect(withLimits(document, 'file', old, { rows: 0, days: 0, mib: 0 })).toEqual({
    models: {},
    store: { path: '/a.db' },
    captureBuffer: 0,
  });
  expect(document.store).toEqual({ path: '/a.db', maxAge: '720h' });
});

test('what is kept in memory has its own key, and no store is made up', () => {
  const old = { rows: 1000, days: 0, mib: 5 };
  expect(withLimits({ models: {} }, 'memory', old, { ...old, rows: 50 })).toEqual({
    models: {},
    metricsMaxInMemory: 50,
  });
});

test('days are written as the file has spans of time', () => {
  expect([30, 0.5, 1.01].map(spanOf)).toEqual(['720h', '12h', '1454m']);
});
