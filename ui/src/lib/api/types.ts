/** The shapes of the API that more than one page reads. Fields that a server may lack are optional. */

export type ModelState = 'stopped' | 'starting' | 'ready' | 'falling-asleep' | 'asleep' | 'waking' | 'stopping';

export interface Model {
  id: string;
  aliases: string[];
  name: string;
  description: string;
  backend: string;
  unlisted: boolean;
  state: ModelState;
  /** It still runs an earlier configuration. */
  stale: boolean;
  serving: number;
  waiting: number;
  pid: number | null;
  base_url: string;
  elapsed_seconds: number;
  progress: { stage: string; fraction: number | null } | null;
  node: string;
  /** The recipe it is made of, "" without one. */
  recipe?: string;
  ttl_seconds: number;
  concurrency_limit: number;
  priority: number;
  groups: string[];
  /** How long a load takes, from the last few. */
  load_seconds: number | null;
  /** Finished requests since the server started. */
  requests: number;
  /** Unix seconds of the end of the last one. */
  last_used: number | null;
  capabilities?: Record<string, boolean>;
  context_length?: number;
}

export interface ModelDetail extends Model {
  command: string;
  environment: string[];
  check_endpoint: string | null;
  proxy: string | null;
  use_model_name: string;
  metadata: Record<string, unknown>;
  /** How it would be started now; null when nobody can say. */
  launch?: Launch | null;
  launch_problem?: string;
  /** The container it runs in; the name is "" when it is chosen at the start. */
  container?: { image: string; name: string } | null;
}

export interface Launch {
  command: string;
  base_url: string;
  cwd: string;
  environment: string[];
  node: string;
  ready_path: string | null;
  ready_within_seconds: number;
  stop: string;
  stop_within_seconds: number;
  can_sleep: boolean;
  before: string[];
  after: string[];
}

export type Basis = 'measured' | 'weights' | 'unknown';
export type Place = 'system' | 'gpu';

export interface MemoryVerdict {
  basis: Basis;
  measured_at: number | null;
  fits: boolean | null;
  places: { where: Place; needs_bytes: number; free_bytes: number; freed_bytes: number; fits: boolean }[];
}

export interface SwapPlan {
  model: string;
  verdict: string;
  position: number | null;
  evictions: { model: string; to: string; cost: number; reason: string }[];
  starts: string[];
  waits_for: string[];
  refusal: string | null;
  reason: string;
  complete: boolean;
  memory?: MemoryVerdict;
}

export interface InFlightRequest {
  id: string;
  timestamp: string;
  model: string;
  req_path: string;
  method: string;
  req_headers: Record<string, string>;
  remote_ip: string;
  resp_headers: Record<string, string>;
  resp_bytes: number;
  elapsed_ms: number;
  metadata?: Record<string, string>;
}
