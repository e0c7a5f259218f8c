/** The activity as the server tells it. */
export interface Row {
  id: number;
  timestamp: string;
  model: string;
  req_path: string;
  resp_content_type: string;
  resp_status_code: number;
  /** -1: the engine did not say. */
  tokens: {
    cache_tokens: number;
    draft_tokens: number;
    draft_acc_tokens: number;
    input_tokens: number;
    output_tokens: number;
    prompt_per_second: number;
    tokens_per_second: number;
  };
  duration_ms: number;
  has_capture: boolean;
  ttft_ms: number | null;
  wait_ms: number | null;
  itl_ms: number | null;
  itl_p95_ms: number | null;
  error_msg?: string;
  /** The address, and the program where it told one. */
  client?: string;
  metadata?: Record<string, string>;
}

export interface RowPage {
  data: Row[];
  page: number;
  limit: number;
  total: number;
  total_pages: number;
}

export interface Bins {
  bins: number[];
  min: number;
  max: number;
  binSize: number;
  p50: number;
  p95: number;
  p99: number;
}

export interface Stats {
  total_requests: number;
  total_input_tokens: number;
  total_output_tokens: number;
  total_cache_tokens: number;
  prompt_histogram: Bins | null;
  gen_histogram: Bins | null;
}

export interface Capture {
  id: number;
  method: string;
  req_path: string;
  req_headers: Record<string, string>;
  /** Base64, as the other body. */
  req_body: string;
  resp_headers: Record<string, string>;
  resp_body: string;
  left_out: string[];
}

export interface Group {
  key: string;
  requests: number;
  failed: number;
  input_tokens: number;
  output_tokens: number;
  mean_ms: number;
  longest_ms: number;
  first: string;
  last: string;
}

export interface Heat {
  start: string;
  /** Of one column. */
  seconds: number;
  columns: number;
  /** Where each row begins. */
  edges_ms: number[];
  /** Column, row, count. */
  cells: [number, number, number][];
}
