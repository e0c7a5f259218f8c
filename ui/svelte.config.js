import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

/** Runes everywhere; styles are scoped, global classes come from src/styles. */
export default {
  preprocess: vitePreprocess(),
  compilerOptions: { runes: true },
};
