import { describe, expect, test } from 'vitest';
import { kindOf, kindNames } from '../src/lib/slots/kinds';
import { filled } from '../src/lib/slots/context';
import { readManifest, SCHEMA } from '../src/lib/state/manifest.svelte';
import { said, translated } from '../src/lib/state/texts.svelte';
import { rowsOf, safeHref } from '../src/lib/slots/views/data';

describe('a manifest', () => {
  test('is read as far as it makes sense', () => {
    const read = readManifest({
      schema: 1,
      views: [{ id: 'a', kind: 'kv' }, null, { kind: 'no id' }],
      actions: 'nonsense',
      news: 1,
    });
    expect(read.views.map((view) => view.id)).toEqual(['a']);
    expect(read.actions).toEqual([]);
  });
  test('that is none counts as an empty one', () => {
    expect(readManifest('<html>')).toMatchObject({ schema: SCHEMA, views: [], modules: [] });
  });
  test('may name kinds that these pages do not know', () => {
    expect(kindOf('hologram').fetches).toBe(true);
    expect(kindOf('constructor')).toBe(kindOf('hologram'));
    expect(kindNames).toContain('matrix');
  });
});

test('what is said to people is looked up, what is for machines stays', () => {
  const words = { Name: 'Nombre', Model: 'Modelo' };
  const given = {
    title: 'Name',
    id: 'Name',
    props: { columns: [{ id: 'Model', title: 'Model' }], empty: 'None' },
    properties: { title: { title: 'Model', default: 'Model' } },
  };
  expect(said(given, words)).toEqual({
    title: 'Nombre',
    id: 'Name',
    props: { columns: [{ id: 'Model', title: 'Modelo' }], empty: 'None' },
    properties: { title: { title: 'Modelo', default: 'Model' } },
  });
  expect(said(given, {})).toBe(given);
  expect(said(given.props.columns, { Other: 'Otro' })).toBe(given.props.columns);
});

test('a sentence with values is looked up by its places, and its values stay what they are', () => {
  const words = {
    'All {n} nodes answer.': 'Responden los {n} nodos.',
    '{n} of {all} nodes cannot be reached: {names}.': 'No se llega a {n} de {all} nodos: {names}.',
    '{n} {n|image|images} (new)': '{n} {n|imagen|imágenes} (nuevas)',
    'makes room for {model}: {reason}': 'deja sitio a {model}: {reason}',
    'they run one at a time': 'van de uno en uno',
    Name: 'Nombre',
  };
  expect(translated('All 3 nodes answer.', words)).toBe('Responden los 3 nodos.');
  expect(translated('2 of 5 nodes cannot be reached: a, b.', words)).toBe('No se llega a 2 de 5 nodos: a, b.');
  expect(translated('1 image (new)', words)).toBe('1 imagen (nuevas)');
  expect(translated('2 images (new)', words)).toBe('2 imágenes (nuevas)');
  expect(translated('makes room for Name: they run one at a time', words)).toBe('deja sitio a Name: van de uno en uno');
  expect(translated('makes room for $&: x', words)).toBe('deja sitio a $&: x');
  expect(translated('All good nodes answer.', words)).toBe('All good nodes answer.');
  expect(translated('All 3 nodes answer. Or not', words)).toBe('All 3 nodes answer. Or not');
});

test('an address of the manifest takes what the place says', () => {
  expect(filled('api/plugins/x/{model}/log', { model: 'a/b' })).toBe('api/plugins/x/a%2Fb/log');
  expect(filled('api/{unknown}', {})).toBe('api/{unknown}');
});

test('only links that lead somewhere are links', () => {
  expect(safeHref('https://example.org/x')).toBe('https://example.org/x');
  expect(safeHref('#/models')).toBe('#/models');
  for (const bad of ['javascript:alert(1)', ' javascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'JaVaScRiPt:x'])
    expect(safeHref(bad)).toBeUndefined();
});

test('rows are found in a list or below their name', () => {
  expect(rowsOf([{ a: 1 }, 2])).toEqual([{ a: 1 }]);
  expect(rowsOf({ rows: [{ a: 1 }] }, 'rows')).toEqual([{ a: 1 }]);
  expect(rowsOf(null, 'rows')).toEqual([]);
});
