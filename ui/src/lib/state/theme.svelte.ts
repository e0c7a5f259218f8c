/** Light, dark, or as the system has it, in one of the palettes: attributes of the root, and what canvases redraw for. */
import { prefs } from './prefs.svelte';

class Theme {
  #systemIsDark = $state(false);
  constructor() {
    if (typeof matchMedia === 'undefined') return;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    this.#systemIsDark = dark.matches;
    dark.addEventListener('change', () => (this.#systemIsDark = dark.matches));
  }
  get isDark(): boolean {
    return prefs.theme === 'dark' || (prefs.theme === 'system' && this.#systemIsDark);
  }
  /** Call in an effect. */
  apply(root: HTMLElement): void {
    if (prefs.theme === 'system') root.removeAttribute('data-theme');
    else root.dataset.theme = prefs.theme;
    root.dataset.palette = prefs.palette;
  }
  /** What a token is worth now, as a colour that a canvas takes. */
  colour(token: string, within: HTMLElement = document.body): string {
    const probe = document.createElement('span');
    probe.style.color = `var(${token})`;
    within.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }
}
export const theme = new Theme();
