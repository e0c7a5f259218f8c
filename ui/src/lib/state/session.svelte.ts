/** Who we are to the server, and whether it wants a key before it talks. */

export interface Identity {
  role: string;
  may: string[];
  is_session: boolean;
  asks_for_key: boolean;
  is_exposed: boolean;
}

class Session {
  /** The login page is shown. */
  isRequired = $state(false);
  /** Grows with each login and logout: who was refused tries again. */
  generation = $state(0);
  identity = $state.raw<Identity | null>(null);

  get asksForKey(): boolean {
    return this.identity?.asks_for_key ?? false;
  }
  /** Whether this person may `operate`, `admin`, …; true while it is not known, for the server decides anyway. */
  may(policy: string): boolean {
    return this.identity?.may.includes(policy) ?? true;
  }
  required(): void {
    this.isRequired = true;
  }
  begun(identity: Identity): void {
    this.identity = identity;
    this.isRequired = false;
    this.generation += 1;
  }
}

export const session = new Session();
