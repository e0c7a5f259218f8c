/** Anthropic's messages: the request, and the events of its stream. */
import { defined } from './chat';
import type { Delta, Params, Part, Turn } from './delta';

const MAX_TOKENS = 4096;

export function messagesRequest(model: string, turns: readonly Turn[], params: Params): Record<string, unknown> {
  const system = turns.filter((turn) => turn.role === 'system').map((turn) => textOf(turn.content));
  return {
    model,
    messages: turns.filter((turn) => turn.role !== 'system').map(message),
    stream: true,
    max_tokens: params.maxTokens ?? MAX_TOKENS,
    ...defined({
      system: system.length ? system.join('\n\n') : undefined,
      temperature: params.temperature,
      top_p: params.topP,
      top_k: params.topK,
      stop_sequences: params.stop?.length ? params.stop : undefined,
      tools: params.tools?.length ? params.tools.map(tool) : undefined,
    }),
    ...params.extra,
  };
}

function message(turn: Turn): Record<string, unknown> {
  if (turn.role === 'tool') {
    const result = { type: 'tool_result', tool_use_id: turn.toolCallId, content: textOf(turn.content) };
    return { role: 'user', content: [result] };
  }
  const calls = (turn.toolCalls ?? []).map((call) => ({
    type: 'tool_use',
    id: call.id,
    name: call.name,
    input: parsed(call.arguments),
  }));
  const content = typeof turn.content === 'string' ? turn.content : turn.content.map(block);
  if (!calls.length) return { role: turn.role, content };
  const texts = typeof content === 'string' ? (content ? [{ type: 'text', text: content }] : []) : content;
  return { role: turn.role, content: [...texts, ...calls] };
}

function block(part: Part): Record<string, unknown> {
  if (part.type === 'text') return part;
  if (part.type === 'input_audio') return { type: 'text', text: '(audio)' }; // this endpoint knows none
  const [, media = '', data = ''] = /^data:([^;,]+);base64,(.*)$/s.exec(part.image_url.url) ?? [];
  return media
    ? { type: 'image', source: { type: 'base64', media_type: media, data } }
    : { type: 'image', source: { type: 'url', url: part.image_url.url } };
}

/** OpenAI's form of a tool, in Anthropic's. */
function tool(given: unknown): unknown {
  const inner = (given as { function?: { name?: string; description?: string; parameters?: unknown } }).function;
  return inner ? { name: inner.name, description: inner.description, input_schema: inner.parameters } : given;
}

export function textOf(content: Turn['content']): string {
  if (typeof content === 'string') return content;
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text || '{}');
  } catch {
    return {};
  }
}

interface Event {
  type?: string;
  index?: number;
  content_block?: { type?: string; id?: string; name?: string };
  delta?: { type?: string; text?: string; thinking?: string; partial_json?: string; stop_reason?: string | null };
  message?: { usage?: Record<string, number> };
  usage?: Record<string, number>;
}

/** The pieces of one event. A tool call is told apart by the number of its block. */
export function* messageDeltas(raw: Record<string, unknown>): Generator<Delta> {
  const event = raw as Event;
  const index = event.index ?? 0;
  if (event.content_block?.type === 'tool_use')
    yield { tool: { index, id: event.content_block.id, name: event.content_block.name } };
  const delta = event.delta;
  if (delta?.text) yield { text: delta.text };
  if (delta?.thinking) yield { reasoning: delta.thinking };
  if (delta?.partial_json) yield { tool: { index, arguments: delta.partial_json } };
  if (delta?.stop_reason) yield { finish: delta.stop_reason };
  const usage = event.message?.usage ?? event.usage;
  if (usage)
    yield {
      usage: { prompt: usage.input_tokens, cached: usage.cache_read_input_tokens, output: usage.output_tokens },
    };
}
