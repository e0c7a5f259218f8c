/**
 * Markdown as blocks: what is complete is rendered once and kept, so that a streaming answer renders only its tail anew.
 * Code and formulae are blocks of their own; they are drawn by components, never as HTML of the model's.
 */
import { Marked, type Token, type Tokens } from 'marked';
import { escape, hookLinks, sanitise, type SafeHtml } from './sanitise';

export type Block =
  | { kind: 'html'; key: string; html: SafeHtml }
  | { kind: 'code'; key: string; language: string; text: string }
  | { kind: 'math'; key: string; text: string };

interface Formula extends Tokens.Generic {
  text: string;
  display: boolean;
}

const marked = new Marked({ gfm: true, breaks: false, async: false });
marked.use({
  extensions: [
    {
      name: 'blockMath',
      level: 'block',
      start: (source) => source.search(/\$\$|\\\[/),
      tokenizer(source): Formula | undefined {
        const found = /^(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])(?:\n|$)/.exec(source);
        if (!found) return undefined;
        return { type: 'blockMath', raw: found[0], text: (found[1] ?? found[2] ?? '').trim(), display: true };
      },
      renderer: (token) => `<p>${escape((token as Formula).text)}</p>`,
    },
    {
      name: 'inlineMath',
      level: 'inline',
      start: (source) => source.search(/\$|\\[([]/),
      tokenizer(source): Formula | undefined {
        // a formula of its own line also counts inside running text, where models often put it
        const own = /^(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])/.exec(source);
        if (own) return { type: 'inlineMath', raw: own[0], text: (own[1] ?? own[2] ?? '').trim(), display: true };
        const found = /^(?:\$(?!\s)((?:\\.|[^$\\\n])+?)(?<!\s)\$(?!\d)|\\\(([\s\S]+?)\\\))/.exec(source);
        if (!found) return undefined;
        return { type: 'inlineMath', raw: found[0], text: (found[1] ?? found[2] ?? '').trim(), display: false };
      },
      // a plain element that the Markdown component fills with the drawn formula
      renderer: (token) =>
        `<code class="sl-math${(token as Formula).display ? ' sl-display' : ''}">${escape((token as Formula).text)}</code>`,
    },
  ],
});

/** Renders one text that grows; keep one for each message. */
export class BlockRenderer {
  #kept = new Map<string, Block>();

  render(text: string): Block[] {
    hookLinks();
    const tokens = marked.lexer(closed(text));
    const used = new Map<string, Block>();
    const blocks = tokens
      .filter((token) => token.type !== 'space')
      .map((token, at) => {
        const key = `${at}:${token.raw}`;
        const block = this.#kept.get(key) ?? make(token, String(at));
        used.set(key, block);
        return block;
      });
    this.#kept = used;
    return blocks;
  }
}

function make(token: Token, key: string): Block {
  if (token.type === 'code') {
    const code = token as Tokens.Code;
    return { kind: 'code', key, language: (code.lang ?? '').split(/\s/)[0] ?? '', text: code.text };
  }
  if (token.type === 'blockMath') return { kind: 'math', key, text: (token as Formula).text };
  const html = marked.parser([token]);
  return { kind: 'html', key, html: sanitise(html) };
}

/** A fence that is still open is closed, so that half an answer looks like half an answer. */
export function closed(text: string): string {
  const fences = text.match(/^ {0,3}(`{3,}|~{3,})/gm) ?? [];
  const last = fences.at(-1)?.trim();
  return fences.length % 2 && last ? `${text}\n${last}` : text;
}
