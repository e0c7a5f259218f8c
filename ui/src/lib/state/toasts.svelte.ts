/** Short messages at the edge of the page. */
import { sentence } from '../api/errors';

export interface Toast {
  id: number;
  kind: 'info' | 'ok' | 'error';
  text: string;
  action?: { label: string; run: () => void };
  /** Called when it goes without its action. */
  onleave?: () => void;
}

const SECONDS = { info: 5, ok: 4, error: 10 };

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;
  show(text: string, kind: Toast['kind'] = 'info', action?: Toast['action'], onleave?: () => void): number {
    const id = this.#next++;
    for (const old of this.list.slice(0, -3)) this.dismiss(old.id);
    this.list = [...this.list, { id, kind, text, action, onleave }];
    setTimeout(() => this.dismiss(id), SECONDS[kind] * 1000 * (action ? 2 : 1));
    return id;
  }
  ok = (text: string, action?: Toast['action']): number => this.show(text, 'ok', action);
  error = (error: unknown): number => this.show(sentence(error), 'error');
  /** Do something when the person has had time to think better of it: `back` undoes what shows of it already. */
  undoable(text: string, undo: string, done: () => void, back: () => void): number {
    return this.show(text, 'ok', { label: undo, run: back }, done);
  }
  act(toast: Toast): void {
    this.list = this.list.filter((each) => each.id !== toast.id);
    toast.action?.run();
  }
  dismiss(id: number): void {
    const gone = this.list.find((toast) => toast.id === id);
    this.list = this.list.filter((toast) => toast.id !== id);
    gone?.onleave?.();
  }
}
export const toasts = new Toasts();
