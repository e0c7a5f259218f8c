/**
 * The pages there are. A page is a folder with a `page.ts` (read at the start, so it is small) and a component that is
 * loaded when first visited. Nothing else has to be changed for a new page.
 */
import type { Component } from 'svelte';
import type { Level } from '$lib/state/prefs.svelte';
import type { IconLike } from '$lib/ui/Icon.svelte';

export type Section = 'use' | 'operate' | 'library' | 'manage';

export interface Page {
  id: string;
  title: { en: string; es: string };
  icon: IconLike;
  /** Patterns of paths, e.g. `/models/:id`; the first is where the menu leads. */
  routes: string[];
  /** Left out for pages that are reached from others. */
  section?: Section;
  /** Place in the section; steps of ten. */
  order?: number;
  /** What must be shown at least for it to be in the menu; unsaid: all of `use`, and the others from `operator` on. */
  level?: Level;
  /** Stays mounted, hidden, while others are shown (a chat that streams). */
  keep?: boolean;
  /** The key of the shortcut `g` + key. */
  key?: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- every page takes `params`, few read them
  load: () => Promise<{ default: Component<any> }>;
}

/** What a page's component gets. */
export interface PageProps {
  params: Record<string, string>;
}

const found = import.meta.glob<{ page: Page }>('./*/page.ts', { eager: true });
export const pages: Page[] = Object.values(found)
  .map((module) => module.page)
  .sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
