/** What the server says when it refuses: one class, whatever shape the answer has. */

export interface FieldError {
  /** JSON pointer of the value, e.g. `/tp`. */
  path: string;
  message: string;
}

interface Details {
  detail?: string;
  fields?: FieldError[];
  line?: number;
  col?: number;
  job?: string;
  /** What the server holds now, after a conflict. */
  current?: unknown;
}

/** A refusal: `status` is HTTP's, 0 when no answer came; `code` is stable and in kebab-case. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    readonly details: Details = {},
    readonly body: unknown = null,
  ) {
    super(message);
  }
  get fields(): FieldError[] {
    return this.details.fields ?? [];
  }
  get isConflict(): boolean {
    return this.status === 412;
  }
}

/** Read a refusal: OpenAI's shape, ours with more, RFC 9457's, a bare string, or plain text. */
export function errorOf(status: number, text: string): ApiError {
  const body = parsed(text);
  if (!isRecord(body)) return new ApiError(text.trim().slice(0, 500) || `HTTP ${status}`, status, `http-${status}`);
  const error = isRecord(body.error) ? body.error : body;
  const message =
    string(body.error) ?? string(error.message) ?? string(error.detail) ?? string(error.title) ?? `HTTP ${status}`;
  return new ApiError(message, status, string(error.code) ?? `http-${status}`, detailsOf(error, body), body);
}

/** The sentence to show for whatever was thrown. */
export function sentence(error: unknown): string {
  if (error instanceof Error) return error.message;
  return String(error);
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function detailsOf(error: Record<string, unknown>, body: Record<string, unknown>): Details {
  return {
    detail: string(error.detail),
    fields: Array.isArray(error.fields) ? (error.fields as FieldError[]) : undefined,
    line: number(error.line),
    col: number(error.col),
    job: string(error.job_id),
    current: body.current ?? error.current,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const string = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
