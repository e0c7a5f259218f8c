import { expect, test } from 'vitest';
import { seen, spans, told, type Shown } from '../src/pages/playground/volley.svelte';

const card = (): Shown => ({
  id: 0,
  model: 'm',
  phase: 'waiting',
  text: '',
  reasoning: '',
  tokens: 0,
  load: null,
  ready: null,
  thought: null,
  said: null,
  end: null,
});

test('a request waits, sees its model load, waits on, thinks and says', () => {
  const one = card();
  const phases = [one.phase];
  const note = () => phases.push(one.phase);
  seen(one, 'stopped', 10);
  seen(one, 'starting', 20);
  note();
  seen(one, 'ready', 50);
  note();
  told(one, { reasoning: 'hm' }, 60);
  note();
  seen(one, 'starting', 61); // of another time
  told(one, { text: 'yes' }, 80);
  told(one, { usage: { output: 7 } }, 90);
  note();
  one.end = 100;
  expect(phases).toEqual(['waiting', 'loading', 'waiting', 'reasoning', 'streaming']);
  expect(one.tokens).toBe(7);
  expect(spans(one, 500)).toEqual([
    { phase: 'waiting', from: 0, to: 20 },
    { phase: 'loading', from: 20, to: 50 },
    { phase: 'waiting', from: 50, to: 60 },
    { phase: 'reasoning', from: 60, to: 80 },
    { phase: 'streaming', from: 80, to: 100 },
  ]);
});

test('what never began only waits, until now', () => {
  expect(spans(card(), 30)).toEqual([{ phase: 'waiting', from: 0, to: 30 }]);
});
