/** Markdown as one piece of HTML that needs no component: for files. Formulae become MathML, code is coloured. */
import { BlockRenderer, type Block } from './blocks';
import { highlight } from './highlight';
import { escape, sanitise, type SafeHtml } from './sanitise';

export async function drawn(text: string): Promise<SafeHtml> {
  const parts = await Promise.all(new BlockRenderer().render(text).map(block));
  return parts.join('\n') as SafeHtml;
}

async function block(found: Block): Promise<SafeHtml> {
  if (found.kind === 'math') return formula(found.text, true);
  if (found.kind === 'html') return withFormulae(found.html);
  const coloured = (await highlight(found.text, found.language)) ?? escape(found.text);
  return `<pre><code>${coloured}</code></pre>` as SafeHtml;
}

const PLACE = /<code class="sl-math( sl-display)?">([^<]*)<\/code>/g;

async function withFormulae(html: SafeHtml): Promise<SafeHtml> {
  const places = [...html.matchAll(PLACE)];
  const made = await Promise.all(places.map(([, own, source = '']) => formula(plain(source), !!own)));
  return html.replace(PLACE, () => made.shift() ?? '') as SafeHtml;
}
const plain = (escaped: string): string =>
  new DOMParser().parseFromString(escaped, 'text/html').documentElement.textContent ?? '';

async function formula(text: string, displayMode: boolean): Promise<SafeHtml> {
  const { default: katex } = await import('katex');
  const options = { displayMode, throwOnError: false, trust: false, maxSize: 20, output: 'mathml' } as const;
  return sanitise(katex.renderToString(text, options));
}
