/** OpenAI's chat completions: the request, and the events of its stream. Also what engines write a little differently. */
import type { Delta, Params, Turn, Usage } from './delta';

export function chatRequest(model: string, turns: readonly Turn[], params: Params): Record<string, unknown> {
  return {
    model,
    messages: turns.map(message),
    stream: true,
    stream_options: { include_usage: true },
    ...defined({
      temperature: params.temperature,
      top_p: params.topP,
      top_k: params.topK,
      min_p: params.minP,
      max_tokens: params.maxTokens,
      seed: params.seed,
      stop: params.stop?.length ? params.stop : undefined,
      presence_penalty: params.presencePenalty,
      frequency_penalty: params.frequencyPenalty,
      reasoning_effort: params.reasoningEffort,
      tools: params.tools?.length ? params.tools : undefined,
      response_format: params.responseFormat,
    }),
    ...params.extra,
  };
}

function message(turn: Turn): Record<string, unknown> {
  const calls = turn.toolCalls?.length
    ? turn.toolCalls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: call.arguments },
      }))
    : undefined;
  return { role: turn.role, content: turn.content, ...defined({ tool_calls: calls, tool_call_id: turn.toolCallId }) };
}

export function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

interface Choice {
  delta?: Said;
  message?: Said;
  finish_reason?: string | null;
}
interface Said {
  content?: unknown;
  reasoning_content?: unknown;
  reasoning?: unknown;
  tool_calls?: { index?: number; id?: string; function?: { name?: string; arguments?: string } }[];
}

/** The pieces of one event. */
export function* chatDeltas(event: Record<string, unknown>): Generator<Delta> {
  for (const choice of (event.choices as Choice[] | undefined) ?? []) {
    const said = choice.delta ?? choice.message;
    if (said) yield* pieces(said);
    if (choice.finish_reason) yield { finish: choice.finish_reason };
  }
  const usage = usageOf(event);
  if (usage) yield { usage };
}

function* pieces(said: Said): Generator<Delta> {
  const thought = plain(said.reasoning_content) || plain(said.reasoning);
  if (thought) yield { reasoning: thought };
  const text = plain(said.content);
  if (text) yield { text };
  for (const [at, call] of (said.tool_calls ?? []).entries())
    yield {
      tool: {
        index: call.index ?? at,
        id: call.id,
        name: call.function?.name,
        arguments: call.function?.arguments,
      },
    };
}

/** A text, or the texts of a list of parts. */
function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return '';
  return value
    .map((part) => (part as { text?: unknown }).text)
    .filter((text) => typeof text === 'string')
    .join('');
}

function usageOf(event: Record<string, unknown>): Usage | null {
  const usage = event.usage as Record<string, unknown> | null | undefined;
  const timings = event.timings as Record<string, number> | undefined;
  if (!usage && !timings) return null;
  const details = usage?.prompt_tokens_details as { cached_tokens?: number } | null | undefined;
  return {
    prompt: (usage?.prompt_tokens as number | undefined) ?? timings?.prompt_n,
    output: (usage?.completion_tokens as number | undefined) ?? timings?.predicted_n,
    cached: details?.cached_tokens ?? timings?.cache_n,
    promptSpeed: timings?.prompt_per_second,
    outputSpeed: timings?.predicted_per_second,
  };
}
