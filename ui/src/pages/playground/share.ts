/**
 * Conversations as files: JSON, Markdown, and a web page that needs nothing else; all of them are read back. Pure but
 * for `DOMParser`. What is drawn in the page comes from `lib/md`, which sanitises.
 */
import { escape, type SafeHtml } from '$lib/md/sanitise';
import {
  newConversation,
  newId,
  newStep,
  titleOf,
  type Answer,
  type Branch,
  type Conversation,
  type Exchange,
  type Step,
} from './conversation';

export interface Wanted {
  reasoning: boolean;
  /** Pictures and sounds. */
  media: boolean;
  /** What stood in the same place before. */
  branches: boolean;
}
export const ALL: Wanted = { reasoning: true, media: true, branches: true };

/** A name for the file, without its ending. */
export const fileName = (conversation: Conversation): string =>
  titleOf(conversation)
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40) || 'chat';

/** A copy without what is not wanted. */
export function chosen(conversation: Conversation, { reasoning, media, branches }: Wanted): Conversation {
  const step = (each: Step): Step => ({ ...each, raw: undefined, reasoning: reasoning ? each.reasoning : '' });
  const answer = (each: Answer): Answer => ({ ...each, steps: each.steps.map(step) });
  const past = (each: Branch): Branch => ({
    text: each.text,
    images: media ? each.images : [],
    answers: each.answers.map(answer),
    rest: each.rest.map(exchange),
  });
  const exchange = (each: Exchange): Exchange => {
    const { audio, branches: others, branch, ...rest } = each;
    return {
      ...rest,
      images: media ? each.images : [],
      ...(media && audio ? { audio } : {}),
      ...(branches && others ? { branches: others.map(past), branch } : {}),
      answers: each.answers.map(answer),
    };
  };
  return { ...conversation, exchanges: conversation.exchanges.map(exchange) };
}

const MARK = (about: Record<string, string>): string =>
  `<!-- swaplab ${JSON.stringify(about).replaceAll('>', '\\u003e')} -->`;

/** For people, with marks that nobody sees and by which it is read back. */
export function toMarkdown(conversation: Conversation): string {
  const parts = [`# ${titleOf(conversation) || 'Conversation'}`];
  if (conversation.system) parts.push(MARK({ role: 'system' }), conversation.system.replace(/^/gm, '> '));
  for (const exchange of conversation.exchanges) {
    parts.push(MARK({ role: 'user' }), '**You**', exchange.text);
    for (const { model, steps } of exchange.answers) {
      const said = steps.map((step) => step.text).filter(Boolean);
      parts.push(MARK({ role: 'assistant', model }), `**${model}**`, said.join('\n\n'));
    }
  }
  return `${parts.join('\n\n')}\n`;
}

export interface Words {
  you: string;
  reasoning: string;
  made: string;
  language: string;
}

/** A page for itself: no script, nothing fetched, and in it the conversation as data, so that it can be read back. */
export async function toPage(
  conversation: Conversation,
  words: Words,
  draw: (markdown: string) => Promise<SafeHtml>,
): Promise<string> {
  const title = escape(titleOf(conversation) || 'swaplab');
  const exchanges = await Promise.all(conversation.exchanges.map((each) => exchangeHtml(each, words, draw)));
  const data = JSON.stringify(conversation).replaceAll('<', '\\u003c');
  const system = conversation.system ? `<blockquote class="system">${escape(conversation.system)}</blockquote>` : '';
  return `<!doctype html>
<html lang="${words.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="made">${escape(words.made)}</p>
${system}
${exchanges.join('\n')}
</main>
<script type="application/json" id="swaplab-conversation">${data}</script>
</body>
</html>
`;
}

async function exchangeHtml(exchange: Exchange, words: Words, draw: (text: string) => Promise<SafeHtml>) {
  const images = exchange.images.filter((url) => url.startsWith('data:image/'));
  const sounds = (exchange.audio ?? []).filter((url) => url.startsWith('data:audio/'));
  const answers = await Promise.all(
    exchange.answers.map(async ({ model, steps }) => {
      const parts = await Promise.all(steps.map((step) => stepHtml(step, words, draw)));
      return `<section class="answer"><h2>${escape(model)}</h2>${parts.join('')}</section>`;
    }),
  );
  return `<article><div class="said"><h2>${escape(words.you)}</h2>${images
    .map((url) => `<img src="${escape(url)}" alt="">`)
    .join('')}${sounds.map((url) => `<audio controls src="${escape(url)}"></audio>`).join('')}<p>${escape(
    exchange.text,
  )}</p></div><div class="answers">${answers.join('')}</div></article>`;
}

async function stepHtml(step: Step, words: Words, draw: (text: string) => Promise<SafeHtml>): Promise<string> {
  const thoughts = step.reasoning
    ? `<details><summary>${escape(words.reasoning)}</summary><p class="plain">${escape(step.reasoning)}</p></details>`
    : '';
  const calls = step.tools
    .map(
      ({ name, arguments: given, result }) =>
        `<pre>${escape(`${name}(${given})${result ? ` → ${result}` : ''}`)}</pre>`,
    )
    .join('');
  return `${thoughts}${step.text ? await draw(step.text) : ''}${calls}`;
}

const STYLE = `:root{color-scheme:light dark;--line:light-dark(#e1e5ea,#272c35);--muted:light-dark(#535d6c,#9ca6b4);--soft:light-dark(#eaedfc,#212747);--inset:light-dark(#f0f2f5,#1b1f26)}
body{margin:0;font:1rem/1.6 system-ui,sans-serif;background:light-dark(#fff,#0f1115);color:light-dark(#1a1f28,#e7eaef)}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem;overflow-wrap:anywhere}
h1{font-size:1.4rem}h2{margin:0 0 .3rem;font-size:.8rem;color:var(--muted)}
.made,.system{color:var(--muted);font-size:.85rem}.system,.plain,.said p{white-space:pre-wrap}
article{margin-top:1.5rem}.said{width:fit-content;max-width:85%;margin-left:auto;padding:.6rem .9rem;border-radius:10px;background:var(--soft)}.said p{margin:0}
.answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:.75rem;margin-top:.75rem}
.answer{min-width:0;padding:.75rem 1rem;border:1px solid var(--line);border-radius:10px}
details{color:var(--muted);font-size:.85rem}summary{cursor:pointer}
pre{padding:.6rem .75rem;overflow-x:auto;border-radius:6px;background:var(--inset);font:.82rem/1.5 ui-monospace,monospace}
code{font-family:ui-monospace,monospace;font-size:.9em}img{max-width:100%;max-height:24rem}audio{max-width:100%}
table{display:block;overflow-x:auto;border-collapse:collapse}th,td{padding:.3em .7em;border:1px solid var(--line)}
blockquote{margin-inline:0;padding-left:.9em;border-left:3px solid var(--line)}math{overflow-x:auto}
.hljs-comment,.hljs-quote,.hljs-meta{color:var(--muted)}.hljs-keyword,.hljs-literal,.hljs-type{color:light-dark(#613bab,#bda2f6)}.hljs-string,.hljs-regexp{color:light-dark(#136b38,#62d492)}.hljs-number,.hljs-attr{color:light-dark(#7f4c00,#f0bb62)}.hljs-title,.hljs-name,.hljs-built_in{color:light-dark(#1a5799,#82bcff)}`;

/** Reads what was exported, in whichever of the forms; what is no conversation is left out. Throws when it is none. */
export function readExport(text: string): Conversation[] {
  const start = text.trimStart();
  const found = start.startsWith('<!doctype')
    ? dataOf(text)
    : start.startsWith('#')
      ? fromMarkdown(text)
      : parsed(text);
  const list = Array.isArray(found) ? found : [found];
  return list.filter(isConversation).map(complete);
}

const parsed = (text: string): unknown => JSON.parse(text) as unknown;
const dataOf = (page: string): unknown =>
  parsed(new DOMParser().parseFromString(page, 'text/html').getElementById('swaplab-conversation')?.textContent ?? '');

const MARKED = /^<!-- swaplab (\{.*\}) -->$/m;

function fromMarkdown(text: string): Conversation {
  const [head = '', ...parts] = text.split(MARKED);
  if (!parts.length) throw new Error('no marks');
  const made = newConversation([], { title: head.replace(/^#\s*/, '').trim() });
  for (let at = 0; at < parts.length; at += 2) {
    const { role, model = '' } = parsed(parts[at] ?? '') as { role?: string; model?: string };
    const content = (parts[at + 1] ?? '').trim();
    const said = content.replace(/^\*\*.*\*\*(\n\n|$)/, '');
    if (role === 'system') made.system = content.replace(/^> ?/gm, '');
    if (role === 'user') made.exchanges.push({ id: newId(), text: said, images: [], answers: [] });
    if (role === 'assistant') made.exchanges.at(-1)?.answers.push(answerOf(model, said));
  }
  made.models = [...new Set(made.exchanges.at(-1)?.answers.map((each) => each.model) ?? [])];
  return made;
}

const answerOf = (model: string, text: string): Answer => ({
  model,
  state: 'done',
  steps: [{ ...newStep(), text, timing: { ready: 0, first: 0, reasoned: null, end: 0 } }],
});

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];

function isConversation(value: unknown): value is Conversation {
  return (
    isObject(value) &&
    Array.isArray(value.models) &&
    Array.isArray(value.exchanges) &&
    value.exchanges.every(
      (one) => isObject(one) && typeof one.text === 'string' && Array.isArray(one.answers) && Array.isArray(one.images),
    )
  );
}

/** As we would have made it: a file may come from an older version, or from somebody's editor. */
function complete(found: Conversation): Conversation {
  const exchanges = found.exchanges.map((each) => ({
    ...each,
    id: typeof each.id === 'string' ? each.id : newId(),
    images: texts(each.images),
    ...(each.audio ? { audio: texts(each.audio) } : {}),
    answers: each.answers.filter((one) => isObject(one) && typeof one.model === 'string').map(completeAnswer),
  }));
  return { ...newConversation([]), ...found, models: texts(found.models), id: newId(), exchanges };
}

function completeAnswer(found: Answer): Answer {
  const steps = (Array.isArray(found.steps) ? found.steps : []).filter(isObject).map((each) => {
    const base = newStep();
    const step = { ...base, ...each } as Step;
    return {
      ...step,
      text: String(step.text),
      reasoning: String(step.reasoning),
      tools: Array.isArray(step.tools) ? step.tools : [],
      timing: { ...base.timing, ...(isObject(step.timing) ? step.timing : {}) },
    };
  });
  return { ...found, steps };
}
