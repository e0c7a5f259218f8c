/** Which modal dialogs are open, the topmost last: what is behind one is out of reach, toasts too, so they go with it. */
class Dialogs {
  open = $state.raw<readonly string[]>([]);
  /** "" while none is open. */
  get top(): string {
    return this.open.at(-1) ?? '';
  }
  entered(id: string): void {
    this.open = [...this.open, id];
  }
  left(id: string): void {
    this.open = this.open.filter((each) => each !== id);
  }
}
export const dialogs = new Dialogs();
