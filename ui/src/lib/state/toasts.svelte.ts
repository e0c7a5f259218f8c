/** Short messages at the edge of the page. */
import { sentence } from '../api/errors';

export interface Toast {
  id: number;
  kind: 'info' | 'ok' | 'error';
  text: string;
  action?: { label: string; run: () => void };
}

const SECONDS = { info: 5, ok: 4, error: 10 };

class Toasts {
  list = $state<Toast[]>([]);
  #next = 1;
  show(text: string, kind: Toast['kind'] = 'info', action?: Toast['action']): number {
    const id = this.#next++;
    this.list = [...this.list.slice(-3), { id, kind, text, action }];
    setTimeout(() => this.dismiss(id), SECONDS[kind] * 1000 * (action ? 2 : 1));
    return id;
  }
  ok = (text: string, action?: Toast['action']): number => this.show(text, 'ok', action);
  error = (error: unknown): number => this.show(sentence(error), 'error');
  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}
export const toasts = new Toasts();
