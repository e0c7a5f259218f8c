import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { compressed } from './tools/compressed.ts';
import { licences } from './tools/licences.ts';
import { onlyWoff2 } from './tools/only-woff2.ts';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SDK = 'sdk/v1';

/** One build makes the pages and the SDK, so that a plugin's module shares the shell's elements and stores. */
export default defineConfig({
  base: './',
  plugins: [svelte(), onlyWoff2(), licences(), compressed()],
  resolve: {
    alias: { $lib: source('./src/lib'), $i18n: source('./src/i18n/index.svelte.ts') },
    conditions: process.env.VITEST ? ['browser'] : undefined,
  },
  build: {
    target: 'es2022',
    outDir: '../swaplab_core/ui_dist',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    // fonts in a style sheet would be data: addresses, which the content policy of the pages does not let in
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: source('./index.html'), [SDK]: source('./src/sdk/v1.ts') },
      preserveEntrySignatures: 'exports-only',
      output: { entryFileNames: (chunk) => (chunk.name === SDK ? `${SDK}.js` : 'assets/[name]-[hash].js') },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/v1', '/upstream', '/logs', '/ui/plugins'].map((path) => [
        path,
        { target: process.env.SWAPLAB_URL ?? 'http://127.0.0.1:8080', changeOrigin: true },
      ]),
    ),
  },
  // one document for all files of a worker: making one takes longer than the tests
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    css: { include: /styles/ },
  },
});
