import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { addTool, readAnswer, type Delta, type Endpoint } from '../src/lib/stream';
import { LoadingSplitter, requestBody } from '../src/lib/stream';

const recorded = (name: string) => readFileSync(`../tests/fixtures/responses/${name}`);

function answered(chunks: Uint8Array[], type = 'text/event-stream'): Response {
  const body = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  return new Response(body, { headers: { 'Content-Type': type } });
}

async function read(chunks: Uint8Array[], endpoint: Endpoint): Promise<Delta[]> {
  const found: Delta[] = [];
  for await (const delta of readAnswer(answered(chunks), endpoint)) found.push(delta);
  return found;
}
const text = (deltas: Delta[]) => deltas.map((delta) => delta.text ?? '').join('');

const STREAMS: [string, Endpoint][] = [
  ['llamacpp_chat_usage.sse', 'v1/chat/completions'],
  ['vllm_chat_usage.sse', 'v1/chat/completions'],
  ['llamacpp_messages.sse', 'v1/messages'],
  ['llamacpp_responses.sse', 'v1/responses'],
];

describe.each(STREAMS)('%s', (name, endpoint) => {
  const bytes = recorded(name);
  test('is read to its end, with what it cost', async () => {
    const deltas = await read([bytes], endpoint);
    expect(text(deltas)).not.toBe('');
    expect(deltas.some((delta) => (delta.usage?.output ?? 0) > 0)).toBe(true);
    expect(deltas.some((delta) => delta.finish)).toBe(true);
  });
  test('says the same however the network cuts it', async () => {
    const whole = await read([bytes], endpoint);
    const ends = [...Array(bytes.length).keys()].filter((at) => at % 7 === 0 || bytes[at]! > 0x7f);
    for (const at of ends) expect(await read([bytes.subarray(0, at), bytes.subarray(at)], endpoint)).toEqual(whole);
    const singles = [...bytes].map((byte) => new Uint8Array([byte]));
    expect(await read(singles, endpoint)).toEqual(whole);
  });
});

test('an error inside a stream is thrown with its words', async () => {
  const event = 'event: error\ndata: {"error": {"message": "the engine has died", "code": "upstream-died"}}\n\n';
  await expect(read([new TextEncoder().encode(event)], 'v1/chat/completions')).rejects.toThrow('the engine has died');
});

test('pieces of a tool call come together', () => {
  let calls = addTool([], { index: 0, id: 'c1', name: 'weather', arguments: '{"ci' });
  calls = addTool(calls, { index: 0, arguments: 'ty":"Oslo"}' });
  expect(calls).toEqual([{ id: 'c1', name: 'weather', arguments: '{"city":"Oslo"}' }]);
});

test('what the proxy tells of a load is told apart from thoughts, cut anywhere', () => {
  const told = '━━━━━\nswaplab is loading qwen\nDone! (1.20s)\n━━━━━\n \nI think.';
  for (let at = 0; at <= told.length; at++) {
    const splitter = new LoadingSplitter();
    const pieces = [told.slice(0, at), told.slice(at)].filter(Boolean);
    const deltas = [...pieces.flatMap((piece) => [...splitter.take({ reasoning: piece })]), ...splitter.end()];
    const join = (key: 'loading' | 'reasoning') => deltas.map((delta) => delta[key] ?? '').join('');
    expect(join('loading')).toBe('\nswaplab is loading qwen\nDone! (1.20s)\n');
    expect(join('reasoning').trim()).toBe('I think.');
  }
});

describe('a request', () => {
  const turns = [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: 'Hi' },
  ];
  test('says only what was set', () => {
    expect(requestBody({ endpoint: 'v1/chat/completions', model: 'm', turns, params: { temperature: 0 } })).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0,
    });
  });
  test('takes the form of each endpoint', () => {
    const messages = requestBody({ endpoint: 'v1/messages', model: 'm', turns, params: { maxTokens: 5 } });
    expect(messages).toMatchObject({ system: 'Be brief.', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] });
    const responses = requestBody({ endpoint: 'v1/responses', model: 'm', turns, params: { maxTokens: 5 } });
    expect(responses).toMatchObject({ max_output_tokens: 5, stream: true });
  });
  test('lets the person have the last word', () => {
    const params = { temperature: 1, extra: { temperature: 0.2, cache_prompt: false } };
    expect(requestBody({ endpoint: 'v1/chat/completions', model: 'm', turns, params })).toMatchObject({
      temperature: 0.2,
      cache_prompt: false,
    });
  });
});
