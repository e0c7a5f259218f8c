import { describe, expect, test } from 'vitest';
import { byGpu, join, rates, type GpuSample, type SystemSample } from '../src/pages/performance/samples';
import { beginning, lanes, ticks, type Change } from '../src/pages/timeline/lanes';

const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const sample = (seconds: number, received: number): SystemSample => ({
  timestamp: at(seconds),
  cpu_util_per_core: [1],
  mem_total_mb: 1,
  mem_used_mb: 1,
  swap_total_mb: null,
  swap_used_mb: null,
  load_avg_1: null,
  load_avg_5: null,
  load_avg_15: null,
  net_io: [{ name: 'eth0', bytes_recv: received, bytes_sent: 0 }],
});
const gpu = (seconds: number, id: number, load: number | null): GpuSample => ({
  timestamp: at(seconds),
  id,
  name: 'G',
  uuid: '',
  temp_c: null,
  vram_temp_c: null,
  gpu_util_pct: load,
  mem_util_pct: null,
  mem_used_mb: null,
  mem_total_mb: null,
  mem_kind: 'unified',
  power_draw_w: null,
});

describe('samples', () => {
  test('are joined without doubles, and an hour of them is kept', () => {
    const old = [sample(0, 0), sample(4000, 1)];
    expect(
      join(old, [sample(4000, 1), sample(4005, 2)], (each) => each.timestamp).map((each) => each.timestamp),
    ).toEqual([at(4000), at(4005)]);
  });
  test('counters become rates; one that began anew says nothing', () => {
    expect(rates([sample(0, 100), sample(5, 600), sample(10, 50)]).get('eth0')?.received).toEqual([null, 100, null]);
  });
  test('each GPU is a line on one axis of time', () => {
    const found = byGpu([gpu(1, 0, 10), gpu(1, 1, 20), gpu(2, 0, 30)], (each) => each.gpu_util_pct);
    expect(found.t).toEqual([1, 2]);
    expect(found.series.map((each) => each.values)).toEqual([
      [10, 30],
      [20, null],
    ]);
  });
});

describe('lanes', () => {
  const change = (seconds: number, model: string, state: Change['state'], because = ''): Change => ({
    at: seconds,
    model,
    state,
    because,
  });
  test('are pieces between changes, with the reason why a model had to go', () => {
    const found = lanes(
      [
        change(0, 'a', 'starting'),
        change(10, 'a', 'ready'),
        change(50, 'a', 'stopping', 'b needs its place'),
        change(52, 'a', 'stopped'),
        change(52, 'b', 'starting'),
      ],
      5,
      60,
    );
    expect(found.map((lane) => lane.model)).toEqual(['b', 'a']);
    expect(found[1]?.pieces).toMatchObject([
      { state: 'starting', from: 5, to: 10, isOpen: false },
      { state: 'ready', from: 10, to: 50, because: 'b needs its place' },
      { state: 'stopping', from: 50, to: 52 },
    ]);
    expect(found[0]?.pieces).toMatchObject([{ state: 'starting', from: 52, to: 60, isOpen: true }]);
  });
  test('of models that were stopped all the time are left out', () => {
    expect(lanes([change(0, 'a', 'stopped')], 10, 20)).toEqual([]);
  });
  test('begin where the history does, and no earlier than was asked for', () => {
    const changes = [change(900, 'a', 'starting')];
    expect(beginning(changes, 900, 1000)).toBeCloseTo(895);
    expect(beginning(changes, 60, 1000)).toBe(940);
    expect(beginning([], 900, 1000)).toBe(970);
  });
  test('have an axis of even steps', () => {
    expect(ticks(30, 330)).toEqual([60, 120, 180, 240, 300]);
    expect(ticks(0, 86_400).length).toBeLessThan(10);
  });
});
