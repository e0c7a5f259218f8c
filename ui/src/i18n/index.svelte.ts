/** The words of the shell and of all pages; a page keeps its own words in its folder, in `en.ts` and `es.ts`. */
import { catalogue } from './catalogue.svelte';
import { en } from './en';
import { es } from './es';

export { catalogue } from './catalogue.svelte';
export const t = catalogue(en, es);
