/** What the command palette offers: pages and models always, and what pages and plugins add while they are there. */
import type { IconLike } from '$lib/ui/Icon.svelte';

export interface Command {
  id: string;
  title: string;
  /** Shown at the right: what kind of thing it is. */
  kind: string;
  icon?: IconLike;
  /** More words to find it by. */
  words?: string;
  run: () => void;
}

class Commands {
  isOpen = $state(false);
  #sources = $state.raw<(() => Command[])[]>([]);

  /** Offer more; answers what takes it back. */
  add(source: () => Command[]): () => void {
    this.#sources = [...this.#sources, source];
    return () => void (this.#sources = this.#sources.filter((each) => each !== source));
  }
  get all(): Command[] {
    return this.#sources.flatMap((source) => source());
  }
}

export const commands = new Commands();
export const openPalette = (): void => void (commands.isOpen = true);

/** How well a command fits what was typed: 0 not at all. Every word must be found; a title that begins with it is best. */
export function score(command: Command, typed: string): number {
  const title = command.title.toLowerCase();
  const text = `${title} ${command.kind} ${command.words ?? ''}`.toLowerCase();
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.every((word) => text.includes(word))) return 0;
  const [first = ''] = words;
  return 1 + (title.startsWith(first) ? 2 : 0) + (title.includes(first) ? 1 : 0);
}
