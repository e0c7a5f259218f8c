/**
 * The only door through which foreign text becomes HTML. Everything a model, a plugin or a log says in Markdown passes
 * here; if the sanitiser does not do its work in this browser, text stays text.
 */
import DOMPurify from 'dompurify';

const CONFIG = {
  USE_PROFILES: { html: true, mathMl: true },
  FORBID_TAGS: [
    'style',
    'form',
    'input',
    'button',
    'textarea',
    'select',
    'iframe',
    'object',
    'embed',
    'video',
    'audio',
  ],
  FORBID_ATTR: ['style', 'srcset', 'ping', 'formaction'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#|data:image\/(?:png|jpeg|gif|webp);base64,)/i,
};
// no event handler in it: even one that is never run is reported as a breach of the page's policy
const CHECK = '<p>x<iframe></iframe><a href="javascript:1">y</a></p><script>1</script>';

/** HTML that this module has made; nothing else makes one. */
export type SafeHtml = string & { readonly __safe: unique symbol };

let works: boolean | null = null;

/** Inline styles are allowed for KaTeX only, whose HTML we made ourselves from text. */
export function sanitise(html: string, { math = false } = {}): SafeHtml {
  if (!(works ??= isSound())) return escape(html) as SafeHtml;
  const config = math ? { ...CONFIG, FORBID_ATTR: ['srcset', 'ping', 'formaction'] } : CONFIG;
  return DOMPurify.sanitize(html, config) as SafeHtml;
}

/** The same as nodes, for a place inside a text that is already there. */
export function nodes(html: SafeHtml): DocumentFragment {
  return document.createRange().createContextualFragment(html);
}

function isSound(): boolean {
  const clean = DOMPurify.isSupported ? DOMPurify.sanitize(CHECK, CONFIG) : CHECK;
  return !/<iframe|<script|javascript:/i.test(clean);
}

export function escape(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => names[character] ?? character);
}

let isHooked = false;

/** Links leave by a new tab and tell nobody where from; pictures of other servers are not fetched but named. */
export function hookLinks(): void {
  if (isHooked) return;
  isHooked = true;
  DOMPurify.addHook('afterSanitizeAttributes', (node) => {
    if (node instanceof HTMLAnchorElement && node.hasAttribute('href')) {
      node.target = '_blank';
      node.rel = 'noopener noreferrer nofollow';
    }
    if (node instanceof HTMLImageElement && !node.src.startsWith('data:')) {
      const named = document.createElement('a');
      named.textContent = node.alt || node.src;
      named.href = node.src;
      named.target = '_blank';
      named.rel = 'noopener noreferrer nofollow';
      node.replaceWith(named);
    }
  });
}
