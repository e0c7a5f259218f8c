/** OpenAI's responses: the request, and the events of its stream. */
import { defined } from './chat';
import type { Delta, Params, Part, Turn } from './delta';
import { textOf } from './messages';

export function responsesRequest(model: string, turns: readonly Turn[], params: Params): Record<string, unknown> {
  return {
    model,
    input: turns.flatMap(items),
    stream: true,
    ...defined({
      temperature: params.temperature,
      top_p: params.topP,
      max_output_tokens: params.maxTokens,
      reasoning: params.reasoningEffort ? { effort: params.reasoningEffort } : undefined,
      tools: params.tools?.length ? params.tools.map(tool) : undefined,
    }),
    ...params.extra,
  };
}

function items(turn: Turn): Record<string, unknown>[] {
  if (turn.role === 'tool')
    return [{ type: 'function_call_output', call_id: turn.toolCallId, output: textOf(turn.content) }];
  const kind = turn.role === 'assistant' ? 'output_text' : 'input_text';
  const parts: Part[] = typeof turn.content === 'string' ? [{ type: 'text', text: turn.content }] : turn.content;
  const content = parts.map((part) =>
    part.type === 'text'
      ? { type: kind, text: part.text }
      : part.type === 'input_audio'
        ? part
        : { type: 'input_image', image_url: part.image_url.url },
  );
  const calls = (turn.toolCalls ?? []).map((call) => ({
    type: 'function_call',
    call_id: call.id,
    name: call.name,
    arguments: call.arguments,
  }));
  return [{ type: 'message', role: turn.role, content }, ...calls];
}

function tool(given: unknown): unknown {
  const inner = (given as { function?: Record<string, unknown> }).function;
  return inner ? { type: 'function', ...inner } : given;
}

interface Event {
  type?: string;
  delta?: string;
  output_index?: number;
  item?: { type?: string; call_id?: string; name?: string };
  response?: { status?: string; usage?: { input_tokens?: number; output_tokens?: number } };
}

export function* responseDeltas(raw: Record<string, unknown>): Generator<Delta> {
  const event = raw as Event;
  const index = event.output_index ?? 0;
  switch (event.type) {
    case 'response.output_text.delta':
      yield { text: event.delta };
      break;
    case 'response.reasoning_text.delta':
    case 'response.reasoning_summary_text.delta':
      yield { reasoning: event.delta };
      break;
    case 'response.output_item.added':
      if (event.item?.type === 'function_call')
        yield { tool: { index, id: event.item.call_id, name: event.item.name } };
      break;
    case 'response.function_call_arguments.delta':
      yield { tool: { index, arguments: event.delta } };
      break;
    case 'response.completed':
    case 'response.incomplete':
      yield { finish: event.response?.status };
      if (event.response?.usage)
        yield { usage: { prompt: event.response.usage.input_tokens, output: event.response.usage.output_tokens } };
  }
}
