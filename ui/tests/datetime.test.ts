import { describe, expect, it } from 'vitest';
import { localTime, moment } from '../src/lib/form/datetime';

describe('a moment in a form', () => {
  it('is shown in the time of the person and sent with its zone', () => {
    const sent = moment('2026-03-01T13:00');
    expect(sent).toBe(new Date(2026, 2, 1, 13).toISOString());
    expect(localTime(sent)).toBe('2026-03-01T13:00');
  });
  it('that is none is nothing', () => {
    expect([moment(''), moment('soon'), localTime(''), localTime('soon')]).toEqual(['', '', '', '']);
  });
});
