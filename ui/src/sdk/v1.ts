/** What a plugin's module may import: `import { html, render } from '…/ui/sdk/v1.js'`. The names never change in v1. */
export { html, nothing, render, svg } from 'lit-html';
export const version = 1;
