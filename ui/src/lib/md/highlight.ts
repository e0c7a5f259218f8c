/** Colours for code, loaded when the first code block is shown. The result holds highlight.js's own spans only. */
import type { HLJSApi } from 'highlight.js';
import { sanitise, type SafeHtml } from './sanitise';

let loading: Promise<HLJSApi> | null = null;

export async function highlight(text: string, language: string): Promise<SafeHtml | null> {
  loading ??= import('./languages').then((module) => module.hljs);
  const hljs = await loading;
  const name = language.toLowerCase();
  if (!name || !hljs.getLanguage(name)) return null;
  return sanitise(hljs.highlight(text, { language: name, ignoreIllegals: true }).value);
}
