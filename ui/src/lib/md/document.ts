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

async function withFormulae(html: SafeHtml): Promise<SafeHtml> {
  if (!html.includes('sl-math')) return html;
  const inside = new DOMParser().parseFromString(html, 'text/html');
  for (const place of inside.querySelectorAll('code.sl-math')) {
    const made = new DOMParser().parseFromString(await formula(place.textContent ?? '', false), 'text/html');
    place.replaceWith(...made.body.childNodes);
  }
  return inside.body.innerHTML as SafeHtml;
}

async function formula(text: string, displayMode: boolean): Promise<SafeHtml> {
  const { default: katex } = await import('katex');
  const options = { displayMode, throwOnError: false, trust: false, maxSize: 20, output: 'mathml' } as const;
  return sanitise(katex.renderToString(text, options));
}
