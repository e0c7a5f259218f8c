/** Samples of the machine, as lines for charts. Pure. */
export interface SystemSample {
  timestamp: string;
  cpu_util_per_core: number[];
  mem_total_mb: number;
  mem_used_mb: number;
  swap_total_mb: number | null;
  swap_used_mb: number | null;
  load_avg_1: number | null;
  load_avg_5: number | null;
  load_avg_15: number | null;
  net_io: { name: string; bytes_recv: number; bytes_sent: number }[];
}
export interface GpuSample {
  timestamp: string;
  id: number;
  name: string;
  uuid: string;
  temp_c: number | null;
  vram_temp_c: number | null;
  gpu_util_pct: number | null;
  mem_util_pct: number | null;
  mem_used_mb: number | null;
  mem_total_mb: number | null;
  mem_kind: string;
  power_draw_w: number | null;
}
export interface ProcessSample {
  timestamp: string;
  model: string;
  mem_used_mb: number;
}
export interface Figures {
  enabled: boolean;
  sys_stats: SystemSample[] | null;
  gpu_stats: GpuSample[] | null;
  process_stats?: ProcessSample[] | null;
  gpu_source?: string;
  gpu_failures?: Record<string, string>;
}

export const MOST_SECONDS = 3600;
export const secondsOf = (sample: { timestamp: string }): number => Date.parse(sample.timestamp) / 1000;

/** New samples behind the old ones; none twice, none older than an hour. */
export function join<T extends { timestamp: string }>(
  old: readonly T[],
  fresh: readonly T[],
  keyed: (item: T) => string,
): T[] {
  const known = new Set(old.map(keyed));
  const all = [...old, ...fresh.filter((item) => !known.has(keyed(item)))];
  const newest = all.length ? Math.max(...all.map(secondsOf)) : 0;
  return all.filter((item) => secondsOf(item) > newest - MOST_SECONDS);
}

/** Bytes per second of each interface between two samples; a counter that went back began anew. */
export function rates(
  samples: readonly SystemSample[],
): Map<string, { received: (number | null)[]; sent: (number | null)[] }> {
  const names = [...new Set(samples.flatMap((sample) => sample.net_io.map((each) => each.name)))];
  return new Map(
    names.map((name) => {
      const of = (key: 'bytes_recv' | 'bytes_sent') =>
        samples.map((sample, at) => {
          const now = sample.net_io.find((each) => each.name === name);
          const before = samples[at - 1]?.net_io.find((each) => each.name === name);
          const passed = at > 0 ? secondsOf(sample) - secondsOf(samples[at - 1] as SystemSample) : 0;
          if (!now || !before || passed <= 0 || now[key] < before[key]) return null;
          return (now[key] - before[key]) / passed;
        });
      return [name, { received: of('bytes_recv'), sent: of('bytes_sent') }];
    }),
  );
}

/** One line a GPU on a common axis of time. */
export function byGpu(
  samples: readonly GpuSample[],
  value: (sample: GpuSample) => number | null,
): { t: number[]; series: { label: string; values: (number | null)[] }[] } {
  const times = [...new Set(samples.map(secondsOf))].sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const gpus = new Map<string, { label: string; values: (number | null)[] }>();
  for (const sample of samples) {
    const key = sample.uuid || `${sample.id}`;
    const line = gpus.get(key) ?? { label: `${sample.id} ${sample.name}`, values: times.map(() => null) };
    line.values[place.get(secondsOf(sample)) ?? 0] = value(sample);
    gpus.set(key, line);
  }
  return { t: times, series: [...gpus.values()] };
}

/** One line a model: what its processes hold, in bytes. */
export function byModel(
  samples: readonly ProcessSample[],
  axis: readonly number[] = [],
): {
  t: number[];
  series: { label: string; values: (number | null)[] }[];
} {
  const times = [...new Set([...axis, ...samples.map(secondsOf)])].sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const lines = new Map<string, (number | null)[]>();
  for (const sample of samples) {
    const line = lines.get(sample.model) ?? times.map(() => null);
    line[place.get(secondsOf(sample)) ?? 0] = sample.mem_used_mb * 2 ** 20;
    lines.set(sample.model, line);
  }
  return { t: times, series: [...lines].map(([label, values]) => ({ label, values })) };
}
