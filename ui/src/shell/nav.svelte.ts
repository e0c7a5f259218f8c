/** The menu: pages of the shell and pages of plugins, in sections. */
import { prefs } from '$lib/state/prefs.svelte';
import type { IconLike } from '$lib/ui/Icon.svelte';
import { match } from '$lib/router.svelte';
import { pages, type Page, type Section } from '../pages/registry';

export interface NavItem {
  id: string;
  title: string;
  icon: IconLike;
  path: string;
  order: number;
  key?: string;
}

export const SECTIONS: readonly Section[] = ['use', 'operate', 'library', 'manage'];

export function navigation(): { section: Section; items: NavItem[] }[] {
  return SECTIONS.map((section) => ({
    section,
    items: pages
      .filter((page) => page.section === section)
      .map(item)
      .sort((a, b) => a.order - b.order),
  })).filter((group) => group.items.length > 0);
}

function item(page: Page): NavItem {
  const path = page.routes[0] ?? '/';
  return {
    id: page.id,
    title: page.title[prefs.language],
    icon: page.icon,
    path,
    order: page.order ?? 100,
    key: page.key,
  };
}

/** The page of a path and what the path says to it. */
export function resolve(path: string): { page: Page; params: Record<string, string> } | null {
  for (const page of pages) {
    for (const route of page.routes) {
      const params = match(route, path);
      if (params) return { page, params };
    }
  }
  const [first] = path === '/' ? pages.filter((page) => page.section) : [];
  return first ? { page: first, params: {} } : null;
}

/** Whether the menu's entry is where we are. */
export const isCurrent = (entry: NavItem, path: string): boolean =>
  path === entry.path || (entry.path !== '/' && path.startsWith(`${entry.path}/`));
