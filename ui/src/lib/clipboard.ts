/** Copying, also on plain http where the clipboard API is missing. */
import { t } from '$i18n';
import { toasts } from './state/toasts.svelte';

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text);
  }
}

/** Copy and say so. */
export async function copyAndTell(text: string): Promise<void> {
  if (await copy(text)) toasts.ok(t('copied'));
  else toasts.show(t('copyFailed'), 'error');
}

function copyOldWay(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  const dialog = document.querySelector('dialog[open]'); // a modal dialog keeps the focus inside
  (dialog ?? document.body).append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

/** Hand a file to the browser. */
export function download(name: string, content: BlobPart, type = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
