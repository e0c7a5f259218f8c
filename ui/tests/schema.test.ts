import { describe, expect, test } from 'vitest';
import {
  at,
  check,
  choicesFrom,
  fieldsOf,
  groupsOf,
  initial,
  isShown,
  kindOf,
  numbersIn,
  outgoing,
  type Schema,
} from '../src/lib/form/schema';

const form: Schema = {
  type: 'object',
  required: ['model'],
  properties: {
    last: { type: 'string', 'x-order': 9 },
    model: { type: 'string' },
    tp: { type: 'integer', minimum: 1, maximum: 8, default: 2, 'x-group': 'Size' },
    mode: { enum: ['solo', 'cluster'], default: 'solo' },
    nodes: { type: 'array', items: { type: 'string' }, 'x-show-if': { '/mode': 'cluster' } },
    inner: { type: 'object', properties: { deep: { type: 'number', minimum: 0 } } },
    tri: { type: ['boolean', 'null'], default: null },
    ref: { $ref: '#/$defs/size' },
    maybe: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
  },
  $defs: { size: { type: 'string', title: 'Size' } },
};
const keys = (values = {}) =>
  fieldsOf(form, form, values)
    .filter((field) => isShown(field, values))
    .map((field) => field.key);

describe('a form', () => {
  test('has its fields in their order, and those that a condition hides are not shown', () => {
    expect(keys({ mode: 'solo' })).toEqual(['model', 'tp', 'mode', 'inner', 'tri', 'ref', 'maybe', 'last']);
    expect(keys({ mode: 'cluster' })).toContain('nodes');
  });
  test('begins with its defaults, also inside', () => {
    expect(initial(form, form)).toEqual({ tp: 2, mode: 'solo', inner: {}, tri: null });
    expect(initial(form, form, { tp: 4 }).tp).toBe(4);
  });
  test('sends neither what is hidden nor what was left empty', () => {
    expect(outgoing(form, form, { model: 'm', mode: 'solo', nodes: ['a'], last: '' })).toEqual({
      model: 'm',
      mode: 'solo',
    });
  });
  test('finds what is wrong by its pointer', () => {
    const found = check(form, form, { tp: 9, mode: 'solo', inner: { deep: -1 } });
    expect(found).toEqual([
      { path: '/model', message: 'required' },
      { path: '/tp', message: 'most', limit: 8 },
      { path: '/inner/deep', message: 'least', limit: 0 },
    ]);
    expect(check(form, form, { model: 'm', tp: 1.5 })[0]?.message).toBe('whole');
  });
  test('follows references, unions with null, and kinds', () => {
    const kinds = Object.fromEntries(fieldsOf(form, form, {}).map((field) => [field.key, kindOf(field.schema)]));
    expect(kinds).toMatchObject({
      ref: 'string',
      maybe: 'number',
      tri: 'choice',
      mode: 'choice',
      inner: 'object',
      nodes: 'array',
    });
  });
  test('gathers groups in the order in which they first occur', () => {
    expect(groupsOf(fieldsOf(form, form, {})).map((group) => group.title)).toEqual(['', 'Size']);
  });
  test('with a condition has the fields of the branch that applies', () => {
    const schema: Schema = {
      properties: { kind: { type: 'string' } },
      if: { properties: { kind: { const: 'a' } }, required: ['kind'] },
      then: { properties: { only: { type: 'string' } }, required: ['only'] },
    };
    const names = (values = {}) => fieldsOf(schema, schema, values).map((field) => [field.key, field.required]);
    expect(names({ kind: 'a' })).toEqual([
      ['kind', false],
      ['only', true],
    ]);
    expect(names({ kind: 'b' })).toEqual([['kind', false]]);
    expect(names({})).toEqual([['kind', false]]);
  });
  test('never ends in a reference to itself', () => {
    const loop: Schema = { $defs: { a: { $ref: '#/$defs/a' } }, properties: { x: { $ref: '#/$defs/a' } } };
    expect(fieldsOf(loop, loop, {})).toHaveLength(1);
  });
});

test('choices come as a list, as items, as texts, and with groups', () => {
  expect(choicesFrom(['a', 'b'], { url: '' })).toEqual(
    [
      { value: 'a', label: 'a' },
      { value: 'b', label: 'b' },
    ].map((each) => ({ ...each, group: undefined })),
  );
  expect(
    choicesFrom(
      { items: [{ id: 1, title: 'One', node: 'x' }] },
      { url: '', value: 'id', label: 'title', group: 'node' },
    ),
  ).toEqual([{ value: 1, label: 'One', group: 'x' }]);
  expect(choicesFrom('nonsense', { url: '' })).toEqual([]);
});

test('a list of numbers is read with commas and spaces', () => {
  expect(numbersIn('512, 2048 8192')).toEqual([512, 2048, 8192]);
  expect(numbersIn('512, x')).toBeNull();
});

test('a pointer finds what it names, and nothing inherited', () => {
  expect(at({ 'a/b': [{ '~': 1 }] }, '/a~1b/0/~0')).toBe(1);
  expect(at({}, '/constructor')).toBeUndefined();
});
