/** The menu: pages of the shell and pages of plugins, in sections. */
import { manifest, type NavEntry } from '$lib/state/manifest.svelte';
import { prefs, type Level } from '$lib/state/prefs.svelte';
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
  badge?: NavEntry['badge'];
}

export const SECTIONS: readonly Section[] = ['use', 'operate', 'library', 'manage'];

export function navigation(): { section: Section; items: NavItem[] }[] {
  return SECTIONS.map((section) => ({
    section,
    items: [
      ...pages.filter((page) => page.section === section && prefs.shows(page.level ?? levelOf(section))).map(item),
      ...foreign()
        .filter((entry) => sectionOf(entry) === section && prefs.shows(levelOf(section)))
        .map(pluginItem),
    ].sort((a, b) => a.order - b.order),
  })).filter((group) => group.items.length > 0);
}

/** Who only uses models is not led where they are run. */
const levelOf = (section: Section): Level => (section === 'use' ? 'simple' : 'operator');

/** Entries of the manifest that are not pages of the shell. */
function foreign(): NavEntry[] {
  const routes = new Set(pages.flatMap((page) => page.routes));
  return manifest.current.nav.filter((entry) => !routes.has(entry.route));
}

const sectionOf = (entry: NavEntry): Section =>
  SECTIONS.includes(entry.section as Section) ? (entry.section as Section) : 'operate';

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

function pluginItem(entry: NavEntry): NavItem {
  return {
    id: `plugin:${entry.id}`,
    title: entry.title,
    icon: entry.icon ?? 'puzzle',
    path: entry.route,
    order: entry.order ?? 100,
    badge: entry.badge,
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
  return null;
}

/** Whether the menu's entry is where we are. */
export const isCurrent = (entry: NavItem, path: string): boolean =>
  path === entry.path || (entry.path !== '/' && path.startsWith(`${entry.path}/`));
