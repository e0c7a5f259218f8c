import { describe, expect, test } from 'vitest';
import {
  branchOff,
  isUnfinished,
  joined,
  newConversation,
  switchBranch,
  newStep,
  speed,
  timeToFirst,
  titleOf,
  turnsFor,
  type Answer,
  type Conversation,
} from '../src/pages/playground/conversation';
import { cosine, percentile } from '../src/pages/playground/vectors';
import { csv, ramp, summary, type Shot } from '../src/pages/playground/load.svelte';

const said = (model: string, text: string): Answer => ({
  model,
  state: 'done',
  steps: [{ ...newStep(), text, timing: { ready: 0, first: 10, reasoned: null, end: 20 } }],
});
function talk(): Conversation {
  return newConversation(['a', 'b'], {
    system: 'Be kind.',
    exchanges: [
      { id: '1', text: 'One?', images: [], answers: [said('a', 'from a'), said('b', 'from b')] },
      { id: '2', text: 'Two?', images: ['data:image/png;base64,AA=='], answers: [] },
    ],
  });
}

describe('what is sent', () => {
  test('each model hears its own earlier answers', () => {
    const conversation = talk();
    const exchange = conversation.exchanges[1]!;
    const turns = turnsFor(conversation, exchange, { model: 'b', steps: [], state: 'waiting' });
    expect(turns.map((turn) => turn.role)).toEqual(['system', 'user', 'assistant', 'user']);
    expect(turns[2]!.content).toBe('from b');
    expect(turns[3]!.content).toHaveLength(2);
  });
  test('a model that is new here hears the first', () => {
    const conversation = talk();
    const turns = turnsFor(conversation, conversation.exchanges[1]!, { model: 'c', steps: [], state: 'waiting' });
    expect(turns[2]!.content).toBe('from a');
  });
  test('a tool’s result follows its call', () => {
    const conversation = talk();
    const exchange = conversation.exchanges[0]!;
    const answer = exchange.answers[0]!;
    answer.steps[0]!.tools = [{ id: 'c1', name: 'weather', arguments: '{}', result: 'rain' }];
    const turns = turnsFor(conversation, exchange, answer);
    expect(turns.slice(-2)).toEqual([
      { role: 'assistant', content: 'from a', toolCalls: [{ id: 'c1', name: 'weather', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'c1', content: 'rain' },
    ]);
  });
  test('what failed is not said again', () => {
    const conversation = talk();
    conversation.exchanges[0]!.answers = [{ model: 'a', steps: [], state: 'failed', error: 'no' }];
    const turns = turnsFor(conversation, conversation.exchanges[1]!, { model: 'a', steps: [], state: 'waiting' });
    expect(turns.map((turn) => turn.role)).toEqual(['system', 'user', 'user']);
  });
});

test('a title is the first words', () => {
  expect(titleOf(talk())).toBe('One?');
  expect(titleOf({ ...talk(), title: 'Named' })).toBe('Named');
});

test('speed is the engine’s word, else the clock’s', () => {
  const step = { ...newStep(), usage: { output: 11 }, timing: { ready: 100, first: 600, reasoned: null, end: 1600 } };
  expect(speed(step)).toBe(10);
  expect(speed({ ...step, usage: { output: 11, outputSpeed: 42 } })).toBe(42);
  expect(timeToFirst(step)).toBe(0.5);
});

test('vectors and percentiles', () => {
  expect(cosine([1, 0], [0, 1])).toBe(0);
  expect(cosine([1, 2], [2, 4])).toBeCloseTo(1);
  expect(percentile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(percentile([], 0.5)).toBeNaN();
});

test('a load test is summed up and exported safely', () => {
  const shot: Shot = { start: 0, first: 100, end: 1100, tokens: 11, phase: 'done' };
  const failed: Shot = { start: 0, first: null, end: 5, tokens: 0, phase: 'failed', error: '=cmd("x")' };
  expect(summary([shot, failed])).toMatchObject([
    { label: 'ttft', p50: 100 },
    { label: 'total', p50: 1100 },
    { label: 'tokensPerSecond', p50: 10 },
  ]);
  expect(csv([failed])).toContain(`"'=cmd(""x"")"`);
});

test('a branch is left and come back to, with all that followed it', () => {
  const conversation = talk();
  const first = conversation.exchanges[0]!;
  const before = JSON.parse(JSON.stringify(conversation.exchanges)) as typeof conversation.exchanges;
  branchOff(conversation, first);
  first.text = 'Otherwise';
  first.answers = [said('a', 'New')];
  conversation.exchanges.splice(1);
  switchBranch(conversation, first, 0);
  expect(conversation.exchanges.map((each) => each.text)).toEqual(before.map((each) => each.text));
  expect(first.answers).toEqual(before[0]?.answers);
  switchBranch(conversation, first, 1);
  expect(conversation.exchanges.map((each) => each.text)).toEqual(['Otherwise']);
  switchBranch(conversation, first, 7);
  expect(first.text).toBe('Otherwise');
});

test('what was stopped or cut off may be gone on with, and becomes one', () => {
  const whole = said('a', 'One');
  expect(isUnfinished(whole)).toBe(false);
  expect(isUnfinished({ ...whole, state: 'stopped' })).toBe(true);
  expect(isUnfinished({ ...whole, steps: [{ ...whole.steps[0]!, finish: 'length' }] })).toBe(true);
  expect(joined(whole.steps[0]!, { ...newStep(), text: ' and two' }).text).toBe('One and two');
});

test('a ramp is ascending, each step once, and no nonsense', () => {
  expect(ramp('4, 1 2;2 x 0 1000')).toEqual([1, 2, 4]);
  expect(ramp('')).toEqual([]);
});

test('sounds go along as the API wants them', () => {
  const asked = {
    id: 'x',
    text: '',
    images: [],
    audio: ['data:audio/mpeg;base64,AA==', 'data:audio/x-wav;base64,BB=='],
    answers: [],
  };
  const conversation = newConversation(['a'], { exchanges: [asked] });
  const [turn] = turnsFor(conversation, asked, { model: 'a', steps: [], state: 'waiting' });
  expect(turn?.content).toEqual([
    { type: 'input_audio', input_audio: { data: 'AA==', format: 'mp3' } },
    { type: 'input_audio', input_audio: { data: 'BB==', format: 'wav' } },
  ]);
});
