import { expect, test } from 'vitest';
import { optionsOf } from '../src/pages/playground/choices.svelte';
import { moved, newRow, ordered, pasted, readGiven, scored, withRoom, written } from '../src/pages/playground/rerank';

const rows = () => withRoom(['one', 'two', 'three'].map(newRow));
const texts = (list: readonly { text: string }[]) => list.map((row) => row.text);

test('there is always one empty row at the end', () => {
  const list = rows();
  expect(texts(list)).toEqual(['one', 'two', 'three', '']);
  expect(texts(written(list, list[3]!.id, 'four'))).toEqual(['one', 'two', 'three', 'four', '']);
  expect(texts(pasted(list, list[1]!.id, ['a', 'b']))).toEqual(['one', 'a', 'b', 'three', '']);
  expect(texts(moved(list, list[2]!.id, 1))).toEqual(['one', 'two', '', 'three', '']);
  expect(texts(moved(list, list[0]!.id, -1))).toEqual(texts(list));
});

test('scores stand beside what was asked about, not beside what was changed meanwhile', () => {
  const asked = rows().slice(0, 3);
  const now = written(withRoom(asked), asked[1]!.id, 'changed');
  const answer = [
    { index: 2, relevance_score: 0.9 },
    { index: 0, score: -1 },
    { index: 1, relevance_score: 0.5 },
  ];
  const found = scored(now, asked, answer);
  expect(found.map((row) => row.score)).toEqual([-1, null, 0.9, null]);
  expect(texts(ordered(found, 'best'))).toEqual(['three', 'one', 'changed', '']);
  expect(texts(ordered(found, 'worst'))).toEqual(['one', 'three', 'changed', '']);
  expect(texts(ordered(found, 'given'))).toEqual(['one', 'changed', 'three', '']);
});

test('the same as JSON is read, and anything else is not', () => {
  expect(readGiven('{"query": "q", "documents": ["a", {"text": "b"}]}')).toEqual({ query: 'q', documents: ['a', 'b'] });
  for (const text of ['{', '[]', 'null', '{"query": 1, "documents": []}', '{"query": "q", "documents": [1]}'])
    expect(readGiven(text)).toBeNull();
});

test('who can do it comes first, and aliases stand below their models', () => {
  const list = [
    { id: 'a', meta: { llamaswap: { type: 'model', aliases: ['short'] } } },
    { id: 'short', meta: { llamaswap: { type: 'alias', modelID: 'a' } } },
    { id: 'far', meta: { llamaswap: { type: 'peer', peerID: 'attic' } } },
    { id: 'z', meta: { llamaswap: { type: 'model' } }, capabilities: { reranker: true } },
  ];
  expect(optionsOf(list, 'reranker').map(({ value, label, group }) => [value, label, group])).toEqual([
    ['z', 'z', 'Can do this'],
    ['a', 'a', 'Models'],
    ['short', '\u2003short', 'Models'],
    ['far', 'far', 'Peer attic'],
  ]);
  expect(optionsOf(list, '')[0]?.value).toBe('a');
});
