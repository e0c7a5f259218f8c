/** Ask before something that cannot be undone. */
export interface Question {
  title: string;
  text?: string;
  /** What the button says. */
  yes?: string;
  danger?: boolean;
  /** The person must type this first. */
  word?: string;
}

class Confirm {
  question = $state<Question | null>(null);
  #answer: ((yes: boolean) => void) | null = null;
  ask(question: Question): Promise<boolean> {
    this.#answer?.(false);
    this.question = question;
    return new Promise((resolve) => (this.#answer = resolve));
  }
  answer(yes: boolean): void {
    this.question = null;
    this.#answer?.(yes);
    this.#answer = null;
  }
}
export const confirmation = new Confirm();
export const confirm = (question: Question): Promise<boolean> => confirmation.ask(question);
