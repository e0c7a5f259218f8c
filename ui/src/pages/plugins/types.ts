/** What `GET /api/diagnostics` tells. */
export interface Check {
  id: string;
  plugin: string;
  title: string;
  findings: { health: 'ok' | 'warning' | 'error'; message: string; advice: string; action: string }[];
}

/** One entry point of `GET /api/plugins`; `enabled` is what the next start makes of it. */
export interface Entry {
  group: string;
  name: string;
  distribution: string;
  version: string;
  state: 'ok' | 'degraded' | 'failed' | 'disabled';
  error: string;
  hooks: string[];
  enabled: boolean;
  fixed: boolean;
  needed_by: string[];
}

/** Was it switched since swaplab was started? */
export const isWaiting = (entry: Entry): boolean => entry.enabled === (entry.state === 'disabled');
