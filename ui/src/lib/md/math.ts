/** Formulae, drawn by KaTeX, which is loaded when the first one is shown. */
import { sanitise, type SafeHtml } from './sanitise';

type Katex = (typeof import('katex'))['default'];
let loading: Promise<Katex> | null = null;

export async function formula(text: string, display: boolean): Promise<SafeHtml> {
  loading ??= Promise.all([import('katex'), import('katex/dist/katex.min.css')]).then(([module]) => module.default);
  const katex = await loading;
  const html = katex.renderToString(text, { displayMode: display, throwOnError: false, trust: false, maxSize: 20 });
  return sanitise(html, { math: true });
}
