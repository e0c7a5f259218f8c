/** Goes on with a captured conversation in the playground. */
import { newConversation, newId, newStep, type Exchange } from '../playground/conversation';
import { library } from '../playground/library.svelte';
import type { Dialogue } from './exchange';

export function openInChat(found: Dialogue, model: string): void {
  const system = found.turns.filter((turn) => turn.role === 'system').map((turn) => turn.text);
  const exchanges: Exchange[] = [];
  for (const turn of found.turns) {
    if (turn.role === 'user') exchanges.push({ id: newId(), text: turn.text, images: turn.images, answers: [] });
    if (turn.role === 'assistant') exchanges.at(-1)?.answers.push(answer(model, turn.text, ''));
  }
  const last = exchanges.at(-1);
  if (last && found.answer) last.answers = [answer(model, found.answer, found.reasoning)];
  library.current = newConversation([model], { system: system.join('\n\n'), exchanges });
}

const answer = (model: string, text: string, reasoning: string): Exchange['answers'][number] => ({
  model,
  state: 'done',
  steps: [{ ...newStep(), text, reasoning, timing: { ready: 0, first: 0, reasoned: null, end: 0 } }],
});
