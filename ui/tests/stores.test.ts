import { expect, test } from 'vitest';
import { Events } from '../src/lib/api/events.svelte';
import { backoff } from '../src/lib/api/stream';
import type { Model } from '../src/lib/api/types';
import { connect, models } from '../src/lib/state/models.svelte';
import { parse } from '../src/lib/state/prefs.svelte';

const model = (id: string, state: Model['state'] = 'stopped') =>
  ({ id, state, aliases: [`${id}-alias`] }) as unknown as Model;

test('a snapshot replaces what was there only when it is whole', () => {
  const events = new Events();
  connect(events);
  models.fill([model('old')]);

  events.emit('reset', {});
  events.emit('model.updated', model('new', 'ready'));
  expect(models.list.map((each) => each.id)).toEqual(['old']);

  events.emit('ready', {});
  expect(models.list.map((each) => each.id)).toEqual(['new']);
  expect(models.find('new-alias')?.state).toBe('ready');
});

test('changes after the snapshot are applied one by one', () => {
  const events = new Events();
  connect(events);
  models.fill([model('a'), model('b')]);
  events.emit('model.updated', model('a', 'starting'));
  events.emit('model.removed', { id: 'b' });
  expect(models.list.map((each) => [each.id, each.state])).toEqual([['a', 'starting']]);
});

test('a listener of a family hears all its events', () => {
  const events = new Events();
  const heard: string[] = [];
  const off = events.on('job.*', (_, name) => heard.push(name));
  events.emit('job.updated', {});
  off();
  events.emit('job.log', {});
  expect(heard).toEqual(['job.updated']);
});

test('pauses between attempts grow, and have an end', () => {
  expect([0, 1, 2].map((failures) => backoff(failures, 0.5))).toEqual([500, 1000, 2000]);
  expect(backoff(30, 0.5)).toBe(10_000);
});

test('damaged preferences count as none', () => {
  expect(parse('{"theme": "dark", "pinned": [1, "a"], "language": "xx"}')).toMatchObject({
    theme: 'dark',
    pinned: ['a'],
  });
  expect(parse('not json').theme).toBe('system');
  expect(parse('{"palette": "mud", "level": "god"}')).toMatchObject({ palette: 'indigo', level: 'operator' });
  expect(parse('{"palette": "rose", "level": "simple"}')).toMatchObject({ palette: 'rose', level: 'simple' });
});
