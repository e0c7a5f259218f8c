import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import config from './svelte.config.js';

/** What types and formatting cannot say. Foreign text never becomes HTML: `lib/md` alone may, after sanitising. */
export default ts.config(
  { ignores: ['node_modules/', '.svelte-kit/'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig: config } },
  },
  {
    rules: {
      'no-undef': 'off',
      eqeqeq: 'error',
      'no-console': ['error', { allow: ['error', 'warn'] }],
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'text stays text; markdown goes through lib/md' },
        { property: 'outerHTML', message: 'text stays text; markdown goes through lib/md' },
        { property: 'insertAdjacentHTML', message: 'text stays text; markdown goes through lib/md' },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'svelte/no-at-html-tags': 'error',
      'svelte/no-navigation-without-resolve': 'off',
      'svelte/prefer-svelte-reactivity': 'off',
      'svelte/require-each-key': 'error',
    },
  },
);
