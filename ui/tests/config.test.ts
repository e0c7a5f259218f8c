import { formSchema, merged, withSection } from '../src/pages/config/form';
import { describe, expect, test } from 'vitest';
import { outline, pathTo, suggest, type Schema } from '../src/lib/editor/complete';
import { unified } from '../src/lib/unified';

const TEXT = `# my models
healthCheckTimeout: 60
models:
  qwen:
    backend: llamacpp
    ttl: 60
  "org/big":
    cmd: |
      vllm serve
    filters:
      stripParams: a
routing:
  scheduler: fifo
`;
const lines = TEXT.split('\n');
const SCHEMA: Schema = {
  properties: {
    healthCheckTimeout: { description: 'a model must be ready within this time', default: 120 },
    models: {
      additionalProperties: {
        properties: {
          backend: { enum: ['command', 'llamacpp'] },
          ttl: {},
          cmd: {},
          unlisted: { type: 'boolean' },
          filters: { properties: { stripParams: {}, setParams: {} } },
        },
      },
    },
    groups: { deprecated: true },
    peers: {},
  },
};

describe('completion', () => {
  test('knows where it is', () => {
    expect(pathTo(lines, 4)).toEqual(['models', 'qwen']);
    expect(pathTo(lines, 10)).toEqual(['models', 'org/big', 'filters']);
    expect(pathTo(lines, 1)).toEqual([]);
    expect(pathTo(['a:', '  - b: 1', '    c: 2'], 2)).toEqual(['a', '-']);
  });
  test('offers the keys that are not there yet', () => {
    const here = [...lines.slice(0, 6), '    ', ...lines.slice(6)];
    expect(suggest(SCHEMA, here, 6, 4).map((each) => each.label)).toEqual(['cmd', 'unlisted', 'filters']);
    expect(suggest(SCHEMA, [...lines, ''], lines.length, 0).map((each) => each.label)).toEqual(['peers']);
  });
  test('offers the values of a key', () => {
    expect(suggest(SCHEMA, ['models:', '  a:', '    backend: '], 2, 13).map((each) => each.label)).toEqual([
      'command',
      'llamacpp',
    ]);
    expect(suggest(SCHEMA, ['models:', '  a:', '    unlisted: '], 2, 14).map((each) => each.label)).toEqual([
      'true',
      'false',
    ]);
  });
  test('is silent inside a value', () => {
    expect(suggest(SCHEMA, lines, 8, 12)).toEqual([]);
  });
});

test('the outline holds sections and models, and not what is inside them', () => {
  expect(outline(TEXT).map((each) => each.label)).toEqual([
    'healthCheckTimeout',
    'models',
    'qwen',
    'org/big',
    'routing',
  ]);
  expect(outline(TEXT).find((each) => each.label === 'org/big')).toEqual({ label: 'org/big', line: 7, isModel: true });
});

describe('a difference', () => {
  test('shows what changed with three lines around it', () => {
    const after = TEXT.replace('ttl: 60', 'ttl: 90');
    expect(unified(TEXT, after).split('\n')).toEqual([
      '@@ -3 +3 @@',
      ' models:',
      '   qwen:',
      '     backend: llamacpp',
      '-    ttl: 60',
      '+    ttl: 90',
      '   "org/big":',
      '     cmd: |',
      '       vllm serve',
    ]);
  });
  test('applies to give the new text', () => {
    const before = 'a\nb\nc\nd\ne';
    const after = 'a\nx\nc\ne\nf';
    const changes = unified(before, after).split('\n').slice(1);
    expect(changes.filter((line) => !line.startsWith('-')).map((line) => line.slice(1))).toEqual(after.split('\n'));
    expect(changes.filter((line) => !line.startsWith('+')).map((line) => line.slice(1))).toEqual(before.split('\n'));
  });
  test('of equal texts is nothing', () => expect(unified(TEXT, TEXT)).toBe(''));
});

describe('a form of the configuration', () => {
  const root = {
    properties: {
      models: {
        additionalProperties: {
          properties: {
            ttl: {
              anyOf: [
                { type: 'integer', minimum: 0 },
                { type: 'string', pattern: '\\$\\{' },
              ],
              default: 0,
            },
            quiet: { anyOf: [{ type: 'boolean' }, { enum: ['yes'] }, { type: 'string', pattern: '\\$\\{' }] },
            old: { type: 'string', deprecated: true },
          },
          allOf: [{ if: { properties: { kind: { const: 'x' } } }, then: { properties: { own: { type: 'string' } } } }],
        },
      },
    },
  } as unknown as Schema;
  test('shows each key in its plain kind, and a macro as text', () => {
    const made = formSchema(root, true, {});
    expect(made.properties?.ttl).toMatchObject({ type: 'integer', minimum: 0, 'x-placeholder': '0' });
    expect(made.properties?.quiet?.type).toEqual(['boolean', 'null']);
    expect(made.properties).not.toHaveProperty('old');
    expect(made.allOf?.[0]?.then?.properties).toHaveProperty('own');
    expect(formSchema(root, true, { ttl: '${idle}' }).properties?.ttl?.type).toBe('string');
  });
  test('changes what was changed and leaves the rest as it is', () => {
    const section = { cmd: 'x', ttl: 5, metadata: { a: 1 } };
    const before = { cmd: 'x', ttl: 5, quiet: null, filters: {} };
    expect(merged(section, before, { ...before, ttl: 9 })).toEqual({ ...section, ttl: 9 });
    expect(merged(section, before, { ...before, ttl: null })).toEqual({ cmd: 'x', metadata: { a: 1 } });
    expect(merged(section, before, { ...before, filters: { strip: 'a' } })).toEqual({
      ...section,
      filters: { strip: 'a' },
    });
    expect(withSection({ models: { a: section, b: {} } }, 'b', { ttl: 1 })).toEqual({
      models: { a: section, b: { ttl: 1 } },
    });
  });
});
