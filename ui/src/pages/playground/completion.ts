/** The pieces of a streamed completion. */
import { createParser } from 'eventsource-parser';
import { ApiError } from '$lib/api/client';

interface Event {
  choices?: { text?: string }[];
  error?: { message?: string; code?: unknown };
}

export async function* completionTexts(response: Response): AsyncGenerator<string> {
  let waiting: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => waiting.push(data) });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    parser.feed(piece.value);
    const now = waiting;
    waiting = [];
    for (const data of now) {
      if (data === '[DONE]') continue;
      const event = JSON.parse(data) as Event;
      if (event.error) throw new ApiError(event.error.message ?? '', 0, String(event.error.code ?? ''));
      for (const choice of event.choices ?? []) if (choice.text) yield choice.text;
    }
  }
}
