/** Jobs on the wire. */

export type JobState = 'scheduled' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'interrupted';

export interface Job {
  id: string;
  kind: string;
  title: string;
  state: JobState;
  /** Times are unix seconds. */
  created: number;
  target?: string;
  started?: number | null;
  ended?: number | null;
  start_at?: number | null;
  step?: number;
  steps?: string[];
  progress?: { stage?: string; fraction?: number | null; value?: number; max?: number; text?: string } | null;
  eta_seconds?: number | null;
  waits_for?: string[];
  input?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: string;
  command?: string;
  exit_code?: number | null;
  author?: string;
  retry_of?: string;
}

const OVER: ReadonlySet<JobState> = new Set(['succeeded', 'failed', 'cancelled', 'interrupted']);
export const isOver = (job: Job): boolean => OVER.has(job.state);

/** How far it is, 0 to 1; null when nobody knows. */
export function fractionOf(job: Job): number | null {
  const progress = job.progress;
  if (progress?.fraction !== undefined && progress.fraction !== null) return progress.fraction;
  if (progress?.value !== undefined && progress.max) return progress.value / progress.max;
  return null;
}

export const stageOf = (job: Job): string =>
  job.progress?.stage || job.progress?.text || (job.steps?.[job.step ?? 0] ?? '');
