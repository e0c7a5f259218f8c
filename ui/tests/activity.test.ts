import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decode, dialogue, pretty, toTurns } from '../src/pages/activity/exchange';
import { fromQuery, groupFilter, pagesAround, toParameters } from '../src/pages/activity/filter';
import { headersFor, withModel } from '../src/pages/activity/replay';
import type { Capture } from '../src/pages/activity/types';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const capture = (path: string, request: unknown, response: string): Capture => ({
  id: 1,
  method: 'POST',
  req_path: path,
  req_headers: {},
  req_body: base64(JSON.stringify(request)),
  resp_headers: {},
  resp_body: base64(response),
  left_out: [],
});
const recorded = (name: string) => readFileSync(`../tests/fixtures/responses/${name}`, 'utf8');
const hello = { messages: [{ role: 'user', content: 'Hi' }] };

describe('a captured conversation', () => {
  test.each([
    ['/v1/chat/completions', hello, 'llamacpp_chat.sse'],
    ['/v1/chat/completions', hello, 'llamacpp_chat.json'],
    ['/v1/messages', { system: 'Be kind.', ...hello }, 'llamacpp_messages.sse'],
    ['/v1/messages', hello, 'llamacpp_messages.json'],
    ['/v1/responses', { input: 'Hi' }, 'llamacpp_responses.sse'],
    ['/v1/responses', { input: 'Hi' }, 'llamacpp_responses.json'],
  ])('%s: %s', (path, request, name) => {
    const found = dialogue(capture(path, request, recorded(name)));
    expect(found?.turns.at(-1)).toMatchObject({ role: 'user', text: 'Hi' });
    expect(found?.answer.length).toBeGreaterThan(3);
    expect(toTurns(found!).at(-1)).toEqual({ role: 'user', content: 'Hi' });
  });
  test('shows pictures that came along, and fetches none', () => {
    const content = [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      { type: 'image_url', image_url: { url: 'https://example.org/x.png' } },
    ];
    const found = dialogue(capture('/v1/chat/completions', { messages: [{ role: 'user', content }] }, '{}'));
    expect(found?.turns[0]).toEqual({ role: 'user', text: 'What is this?', images: ['data:image/png;base64,AA=='] });
  });
  test('is none where nothing was said', () => {
    expect(dialogue(capture('/v1/embeddings', { model: 'm', dimensions: 2 }, '{}'))).toBeNull();
    expect(dialogue(capture('/v1/x', 5, 'broken'))).toBeNull();
  });
});

test('bodies are text, or said to be none', () => {
  expect(decode(base64('Grüße'), 'text/plain').text).toBe('Grüße');
  expect(decode(Buffer.from([0xff, 0xd8]).toString('base64'), 'image/jpeg')).toEqual({
    text: null,
    size: 2,
    type: 'image/jpeg',
  });
});

test('JSON and streams are indented, anything else stays', () => {
  expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(pretty('data: {"a":1}\n\ndata: [DONE]\n')).toContain('data: {\n  "a": 1\n}');
  expect(pretty('plain')).toBe('plain');
});

test('filters live in the address, and the server gets moments', () => {
  const filter = fromQuery({ model: 'a', start: '2026-03-01T10:00', unknown: 'x' });
  expect(filter).toMatchObject({ model: 'a', status: '' });
  expect(toParameters(filter)).toEqual({
    model: 'a',
    start: new Date('2026-03-01T10:00').toISOString().slice(0, 19) + 'Z',
  });
  expect(toParameters(fromQuery({ start: 'nonsense' }))).toEqual({});
});

test('a group narrows the list to its own', () => {
  expect(groupFilter('client', '10.0.0.7 curl/8')).toEqual({ client: '10.0.0.7 curl/8' });
  expect(groupFilter('error', 'x'.repeat(900)).text).toHaveLength(200);
});

test('pages around the present one, the first and the last', () => {
  expect(pagesAround(1, 1)).toEqual([1]);
  expect(pagesAround(7, 20)).toEqual([1, 5, 6, 7, 8, 9, 20]);
  expect(pagesAround(1, 0)).toEqual([]);
});

test('what is sent again keeps its own headers, and none that was hidden or is the connection’s', () => {
  const given = {
    ...capture('/v1/x', {}, ''),
    req_headers: { Host: 'a', 'X-Own': '1', 'X-Token': '[REDACTED]', Cookie: 'c' },
  };
  expect(headersFor(given, 's')).toEqual({ 'X-Own': '1', 'Content-Type': '', 'X-Session-ID': 's' });
  expect(JSON.parse(withModel('{"model":"a","n":1}', 'b'))).toEqual({ model: 'b', n: 1 });
  expect(withModel('no JSON', 'b')).toBe('no JSON');
});
