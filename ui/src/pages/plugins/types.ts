/** What `GET /api/diagnostics` tells. */
export interface Check {
  id: string;
  plugin: string;
  title: string;
  findings: { health: 'ok' | 'warning' | 'error'; message: string; advice: string; action: string }[];
}
