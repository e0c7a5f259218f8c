/** The views inside `tabs` and `grid`. Pure. */
import type { ViewSpec } from '../../state/manifest.svelte';
import { rowsOf, text } from './data';

export function childrenOf(props: Record<string, unknown>): ViewSpec[] {
  return rowsOf(props.children).map((each, index) => ({
    ...(each as Partial<ViewSpec>),
    id: text(each.id) || String(index),
    kind: text(each.kind),
    source: typeof each.source === 'string' ? { get: each.source } : (each.source as ViewSpec['source']),
  }));
}
