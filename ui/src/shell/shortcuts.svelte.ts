/** Keys that work everywhere: Ctrl/Cmd-K, `?`, `/`, and `g` followed by a page's key. */
import { router } from '$lib/router.svelte';
import { commands } from './commands.svelte';
import { navigation } from './nav.svelte';

class Help {
  isOpen = $state(false);
}
export const help = new Help();

const LEADER_MS = 1200;
let leaderUntil = 0;

export function shortcut(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    commands.isOpen = !commands.isOpen;
    return;
  }
  if (
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    isTyping(event.target) ||
    document.querySelector('dialog[open]')
  )
    return;
  if (performance.now() < leaderUntil) {
    leaderUntil = 0;
    const entry = navigation()
      .flatMap((group) => group.items)
      .find((each) => each.key === event.key);
    if (entry) {
      event.preventDefault();
      router.go(entry.path);
    }
    return;
  }
  if (event.key === 'g') leaderUntil = performance.now() + LEADER_MS;
  else if (event.key === '?') help.isOpen = true;
  else if (event.key === '/') focusSearch(event);
}

function focusSearch(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLInputElement>('main input[type=search]');
  if (!field) return;
  event.preventDefault();
  field.focus();
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
