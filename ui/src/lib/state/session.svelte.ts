/** Whether the server wants a key before it talks. */
class Session {
  /** The login page is shown. */
  isRequired = $state(false);
  /** Grows with each login: who was refused tries again. */
  generation = $state(0);

  required(): void {
    this.isRequired = true;
  }
  begun(): void {
    this.isRequired = false;
    this.generation += 1;
  }
}

export const session = new Session();
