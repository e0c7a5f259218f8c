/** Lists of named things that a person keeps in this browser: taken out of them with a way back. */
import { prefs } from './prefs.svelte';
import { toasts } from './toasts.svelte';

interface Named {
  name: string;
}

/** Take one out of the list under `key`; for some seconds `undo` puts it back where it was. */
export function forget(key: string, name: string, told: string, undo: string): void {
  const list = () => prefs.view<Named[]>(key, []);
  const at = list().findIndex((each) => each.name === name);
  const gone = list()[at];
  if (!gone) return;
  prefs.setView(key, list().toSpliced(at, 1));
  const others = () => list().filter((each) => each.name !== name);
  toasts.ok(told, { label: undo, run: () => prefs.setView(key, others().toSpliced(at, 0, gone)) });
}
