/**
 * What a plugin's module may import: `import { html, render } from '../../../sdk/v1.js'`. Importing it also defines the
 * elements `sl-table`, `sl-form` and so on. Nothing here changes or goes away in version 1.
 */
import { defineElements } from './elements.svelte';

export { html, nothing, render, svg } from 'lit-html';
export const version = 1;

defineElements();
