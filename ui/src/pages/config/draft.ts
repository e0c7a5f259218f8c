/** What was written and not saved, kept in this browser. */
const KEY = 'swaplab.config.draft';

export interface Draft {
  text: string;
  /** The revision it was based on. */
  revision: string;
  at: number;
}

export function readDraft(): Draft | null {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? 'null') as Draft | null;
    return typeof found?.text === 'string' ? found : null;
  } catch {
    return null;
  }
}
export function keepDraft(draft: Draft | null): void {
  try {
    if (draft) localStorage.setItem(KEY, JSON.stringify(draft));
    else localStorage.removeItem(KEY);
  } catch {
    // a full or forbidden store: then there is no draft
  }
}
