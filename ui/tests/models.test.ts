import { describe, expect, test } from 'vitest';
import type { Model } from '../src/lib/api/types';
import { snippets } from '../src/lib/models/snippets';
import { chosen, familyOf, grouped } from '../src/pages/models/filter';

const model = (id: string, more: Partial<Model> = {}): Model =>
  ({
    id,
    name: '',
    description: '',
    backend: 'command',
    aliases: [],
    groups: [],
    node: '',
    state: 'stopped',
    unlisted: false,
    ...more,
  }) as Model;
const all = [
  model('a', { aliases: ['gpt'] }),
  model('b', { state: 'ready', groups: ['x', 'y'] }),
  model('c', { unlisted: true }),
];
const ids = (models: Model[]) => models.map((each) => each.id);
const wish = { text: '', show: 'all' as const, unlisted: false, pinned: [] };

describe('the list of models', () => {
  test('leaves the unlisted out until they are wanted', () => {
    expect(ids(chosen(all, wish))).toEqual(['a', 'b']);
    expect(ids(chosen(all, { ...wish, unlisted: true }))).toEqual(['a', 'b', 'c']);
  });
  test('is searched by alias, and by state', () => {
    expect(ids(chosen(all, { ...wish, text: 'GPT' }))).toEqual(['a']);
    expect(ids(chosen(all, { ...wish, show: 'running' }))).toEqual(['b']);
  });
  test('begins with what is pinned', () => expect(ids(chosen(all, { ...wish, pinned: ['b'] }))).toEqual(['b', 'a']));
  test('shows a model in each of its groups', () => {
    expect(grouped(all, 'group', 'none').map((group) => [group.title, ids(group.models)])).toEqual([
      ['none', ['a', 'c']],
      ['x', ['b']],
      ['y', ['b']],
    ]);
  });
  test('is grouped by what names begin with', () => {
    const names = ['Qwen/Qwen3-8B', 'Qwen3-Coder', 'llama-3.1-8b', 'gpt-oss-20b', 'SmolLM2', '135m', 'org/Qwen2.5-7B'];
    const families = ['qwen3', 'qwen3', 'llama', 'gpt', 'smollm2', '', 'qwen2.5'];
    expect(names.map((name) => familyOf(model(name)))).toEqual(families);
  });
});

test('snippets name the server and the model, quoted where a shell would trip', () => {
  const found = Object.fromEntries(snippets('http://host:1/pre', "it's", 'KEY').map((each) => [each.id, each.text]));
  expect(found.env).toContain(`OPENAI_MODEL='it'\\''s'`);
  expect(found.curl).toContain('http://host:1/pre/v1/chat/completions');
  expect(found['claude-code']).toContain('ANTHROPIC_BASE_URL=http://host:1/pre\n');
  expect(found.python).toContain(`model="it's"`);
});
