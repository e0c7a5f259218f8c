import { describe, expect, test } from 'vitest';
import { drawn } from '../src/lib/md/document';
import { newConversation, newStep, type Answer, type Conversation } from '../src/pages/playground/conversation';
import { ALL, chosen, fileName, readExport, toMarkdown, toPage } from '../src/pages/playground/share';

const said = (model: string, text: string, reasoning = ''): Answer => ({
  model,
  state: 'done',
  steps: [{ ...newStep(), text, reasoning, timing: { ready: 0, first: 0, reasoned: null, end: 0 } }],
});
const PICTURE = 'data:image/png;base64,AA==';
function talk(): Conversation {
  return newConversation(['a', 'b'], {
    title: 'On </script> and more',
    system: 'Be kind.\nBe short.',
    exchanges: [
      {
        id: '1',
        text: 'One?\n\n**two** <!-- swaplab -->',
        images: [PICTURE],
        answers: [said('a', 'from *a*', 'hm'), said('b', '$x^2$')],
      },
      {
        id: '2',
        text: 'Again?',
        images: [],
        answers: [said('a', '```js\nlet a = 1;\n```\n<img src=x onerror=alert(1)>')],
        branches: [{ text: 'Before', images: [PICTURE], answers: [said('a', 'old', 'secret')], rest: [] }],
        branch: 0,
      },
    ],
  });
}
const WORDS = { you: 'You', reasoning: 'Reasoning', made: 'A conversation', language: 'en' };
const core = ({ title, system, exchanges, models }: Conversation) => ({ title, system, exchanges, models });

test('what was exported as JSON or as a page is the same again', async () => {
  const original = JSON.parse(JSON.stringify(talk())) as Conversation;
  const page = await toPage(original, WORDS, drawn);
  for (const text of [JSON.stringify(original), JSON.stringify([original]), page]) {
    const [back] = readExport(text);
    expect(core(back!)).toEqual(core(original));
    expect(back!.id).not.toBe(original.id);
  }
});

test('a page runs nothing, fetches nothing and shows formulae and code', async () => {
  const page = await toPage(talk(), WORDS, drawn);
  const shown = new DOMParser().parseFromString(page, 'text/html');
  expect(shown.querySelectorAll('script:not([type="application/json"]), link, iframe, [onerror]')).toHaveLength(0);
  expect(shown.querySelector('meta[http-equiv]')?.getAttribute('content')).toContain("default-src 'none'");
  expect([...shown.querySelectorAll('img')].map((image) => image.getAttribute('src'))).toEqual([PICTURE]);
  expect(shown.querySelector('math')).not.toBeNull();
  expect(shown.querySelector('pre .hljs-keyword')?.textContent).toBe('let');
  expect(shown.querySelector('.answer em')?.textContent).toBe('a');
  expect(shown.title).toBe('On </script> and more');
});

test('Markdown is read back by its marks, in words and order', () => {
  const [back] = readExport(toMarkdown(talk()));
  expect(back!.system).toBe('Be kind.\nBe short.');
  expect(back!.models).toEqual(['a']);
  expect(back!.exchanges.map((each) => each.text)).toEqual(['One?\n\n**two** <!-- swaplab -->', 'Again?']);
  expect(back!.exchanges[0]!.answers.map(({ model, steps }) => [model, steps[0]!.text])).toEqual([
    ['a', 'from *a*'],
    ['b', '$x^2$'],
  ]);
});

test('what is not wanted is nowhere in the file', async () => {
  const bare = chosen(talk(), { reasoning: false, media: false, branches: true });
  for (const text of [JSON.stringify(bare), await toPage(bare, WORDS, drawn)]) {
    expect(text).not.toContain('secret');
    expect(text).not.toContain('AA==');
    expect(text).toContain('old');
  }
  expect(JSON.stringify(chosen(talk(), { ...ALL, branches: false }))).not.toContain('old');
  expect(chosen(talk(), ALL).exchanges[0]!.images).toEqual([PICTURE]);
});

describe('other files', () => {
  test.each(['{', '# A title', '<!doctype html><p>x', 'words'])('%s is refused', (text) => {
    expect(() => readExport(text)).toThrow();
  });
  test('what is no conversation is left out, and half a one is completed', () => {
    expect(readExport('[{"no": 1}, 5, null]')).toEqual([]);
    const half = {
      models: ['a', 5],
      exchanges: [{ text: 'x', images: [1, PICTURE], answers: [{ model: 'a' }, 'no'] }],
    };
    const [back] = readExport(JSON.stringify(half));
    expect(back!.models).toEqual(['a']);
    expect(back!.exchanges[0]).toMatchObject({ images: [PICTURE], answers: [{ model: 'a', steps: [] }] });
  });
});

test('a file is called like the conversation', () => {
  expect(fileName(talk())).toBe('On-script-and-more');
  expect(fileName(newConversation([]))).toBe('chat');
});
