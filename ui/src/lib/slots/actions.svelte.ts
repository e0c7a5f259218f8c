/** Actions of plugins: where they are offered, and the one whose form is open. */
import type { Values } from '../form/schema';
import { manifest, type ActionSpec } from '../state/manifest.svelte';
import type { MenuItem } from '../ui/Menu.svelte';
import type { Context } from './context';

export interface OpenAction {
  action: ActionSpec;
  context: Context;
  values: Values;
}

class Open {
  current = $state.raw<OpenAction | null>(null);
}
export const opened = new Open();

export function openAction(id: string, context: Context = {}, values: Values = {}): void {
  const action = manifest.action(id);
  if (action) opened.current = { action, context, values };
}

/** What the action is about, among what the place says. */
export const targetOf = (action: ActionSpec, context: Context): string =>
  action.target ? (context[action.target] ?? '') : '';

/** The actions of a slot as entries of a menu. */
export function slotActions(slot: string, context: Context): MenuItem[] {
  return manifest.actions(slot).map((action) => ({
    label: action.title,
    icon: action.icon || 'play',
    danger: action.danger,
    disabled: action.available?.ok === false,
    hint: action.available?.ok === false ? action.available.reason : undefined,
    run: () => openAction(action.id, context),
  }));
}
