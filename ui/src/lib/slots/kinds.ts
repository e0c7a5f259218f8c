/** The kinds of declarative views and what shows each; loaded when first used. An unknown kind is shown as JSON. */
import type { Component } from 'svelte';
import type { Context } from './context';

export interface ViewProps {
  data: unknown;
  /** The address of the data, for kinds that fetch it themselves (logs, forms, frames). */
  source: string;
  props: Record<string, unknown>;
  context: Context;
  title: string;
  refresh: () => void;
}

interface Kind {
  load: () => Promise<{ default: Component<ViewProps> }>;
  /** Its data is fetched before it is shown. */
  fetches: boolean;
  /** It reaches the edge of its card. */
  flush?: boolean;
}

const KINDS: Record<string, Kind> = {
  kv: { load: () => import('./views/KvView.svelte'), fetches: true },
  table: { load: () => import('./views/TableView.svelte'), fetches: true, flush: true },
  matrix: { load: () => import('./views/MatrixView.svelte'), fetches: true, flush: true },
  cards: { load: () => import('./views/CardsView.svelte'), fetches: true },
  progress: { load: () => import('./views/ProgressView.svelte'), fetches: true },
  timeseries: { load: () => import('./views/TimeseriesView.svelte'), fetches: true },
  histogram: { load: () => import('./views/HistogramView.svelte'), fetches: true },
  log: { load: () => import('./views/LogView.svelte'), fetches: false, flush: true },
  markdown: { load: () => import('./views/MarkdownView.svelte'), fetches: true },
  code: { load: () => import('./views/CodeView.svelte'), fetches: true },
  diff: { load: () => import('./views/DiffView.svelte'), fetches: true },
  form: { load: () => import('./views/FormView.svelte'), fetches: false },
  document: { load: () => import('./views/DocumentView.svelte'), fetches: false },
  iframe: { load: () => import('./views/FrameView.svelte'), fetches: false, flush: true },
  tabs: { load: () => import('./views/TabsView.svelte'), fetches: false },
  grid: { load: () => import('./views/GridView.svelte'), fetches: false },
  callout: { load: () => import('./views/CalloutView.svelte'), fetches: true },
  wizard: { load: () => import('./views/WizardView.svelte'), fetches: false },
};
const UNKNOWN: Kind = { load: () => import('./views/JsonView.svelte'), fetches: true };

export const kindNames = Object.keys(KINDS);
export const kindOf = (name: string): Kind => (Object.hasOwn(KINDS, name) ? KINDS[name] : undefined) ?? UNKNOWN;
