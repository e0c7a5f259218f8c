/** One shape for what the streaming APIs say: pieces of an answer, and at the end what it cost. */

export interface ToolCall {
  id: string;
  name: string;
  /** JSON as the model wrote it, perhaps not valid. */
  arguments: string;
}

export interface Usage {
  prompt?: number;
  cached?: number;
  output?: number;
  /** Tokens per second as the engine measured them. */
  promptSpeed?: number;
  outputSpeed?: number;
}

export interface Delta {
  text?: string;
  reasoning?: string;
  /** The proxy tells how far the load is, instead of the model thinking. */
  loading?: string;
  /** A piece of the tool call at `index`; the arguments grow. */
  tool?: { index: number; id?: string; name?: string; arguments?: string };
  usage?: Usage;
  finish?: string;
}

export type Endpoint = 'v1/chat/completions' | 'v1/messages' | 'v1/responses';

/** What is sent, before an endpoint's own form. Content parts are those of chat completions. */
export type Part =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string } }
  | { type: 'input_audio'; input_audio: { data: string; format: string } };
export interface Turn {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string | Part[];
  toolCalls?: ToolCall[];
  toolCallId?: string;
}

export interface Params {
  temperature?: number;
  topP?: number;
  topK?: number;
  minP?: number;
  maxTokens?: number;
  seed?: number;
  stop?: string[];
  presencePenalty?: number;
  frequencyPenalty?: number;
  reasoningEffort?: string;
  tools?: unknown[];
  responseFormat?: unknown;
  /** Merged over everything else. */
  extra?: Record<string, unknown>;
}

/** Put a piece onto what has come so far. */
export function addTool(calls: readonly ToolCall[], piece: NonNullable<Delta['tool']>): ToolCall[] {
  const next = [...calls];
  const known = next[piece.index] ?? { id: '', name: '', arguments: '' };
  next[piece.index] = {
    id: piece.id || known.id,
    name: piece.name || known.name,
    arguments: known.arguments + (piece.arguments ?? ''),
  };
  return next.map((call) => call ?? { id: '', name: '', arguments: '' });
}
