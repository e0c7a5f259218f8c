/** All conversations of this browser, in IndexedDB; images go with them. */
import { createStore, del, entries, get, set, type UseStore } from 'idb-keyval';
import { newConversation, titleOf, type Conversation, type Exchange } from './conversation';

const SAVE_AFTER_MS = 800;

class Library {
  all = $state<Conversation[]>([]);
  current = $state<Conversation>(newConversation([]));
  isLoaded = $state(false);
  /** Why conversations cannot be kept, e.g. in a private window. */
  trouble = $state('');
  #store: UseStore | null = null;
  #timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** What was deleted stays so, though its answer may still be on its way. */
  #gone = new Set<string>();
  /** Other tabs of this browser; they hear of what is complete. */
  #tabs: BroadcastChannel | null = null;
  /** Is it being answered here? Then what another tab says of it does not count. */
  isBusy: (id: string) => boolean = () => false;

  async load(): Promise<void> {
    if (this.isLoaded) return;
    try {
      this.#store = createStore('swaplab', 'chats');
      const found = await entries<string, Conversation>(this.#store);
      this.#tabs = new BroadcastChannel('swaplab.chats');
      addEventListener('pagehide', () => {
        for (const id of this.#timers.keys()) void this.#save(id); // what the timer would write, while that is possible
      });
      this.#tabs.onmessage = ({ data }) => void this.#heard(String(data));
      this.all = found.map(([, conversation]) => interrupted(conversation)).sort((a, b) => b.updated - a.updated);
    } catch (error) {
      this.trouble = String(error);
    }
    this.isLoaded = true;
  }
  /** Newest first, pinned ones before all, those that hold every word. */
  find(words: string): Conversation[] {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    return this.all
      .filter((each) => wanted.every((word) => text(each).includes(word)))
      .sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updated - a.updated);
  }
  begin(models: string[], from?: Partial<Conversation>): void {
    this.current = newConversation(models, from);
  }
  open(id: string): void {
    const found = this.all.find((each) => each.id === id);
    if (found) this.current = found;
  }
  /** Call after each change; it is written a moment later. */
  changed(conversation: Conversation): void {
    if (this.#gone.has(conversation.id)) return;
    conversation.updated = Date.now();
    if (!this.all.some((each) => each.id === conversation.id)) {
      this.all = [conversation, ...this.all];
      // the list's own proxy from here on, so that both are one
      if (this.current.id === conversation.id) this.current = this.all[0] ?? this.current;
    }
    if (this.#timers.has(conversation.id)) return; // what comes until then is saved with it
    const save = () => {
      this.#timers.delete(conversation.id);
      void this.#save(conversation.id);
    };
    this.#timers.set(conversation.id, setTimeout(save, SAVE_AFTER_MS));
  }
  /** Write at once: something was asked, or its answer is complete. */
  async keep(conversation: Conversation): Promise<void> {
    this.changed(conversation);
    await this.#save(conversation.id);
  }
  add(conversations: readonly Conversation[]): void {
    for (const each of conversations.map(interrupted)) {
      this.#gone.delete(each.id);
      this.all = [each, ...this.all];
      void this.#save(each.id);
    }
  }
  async remove(id: string): Promise<Conversation | undefined> {
    const gone = this.all.find((each) => each.id === id);
    this.#gone.add(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.all = this.all.filter((each) => each.id !== id);
    if (this.current.id === id) this.begin([...this.current.models]);
    if (this.#store) await del(id, this.#store);
    this.#tabs?.postMessage(id);
    return gone && $state.snapshot(gone);
  }

  /** Another tab has written or deleted it. */
  async #heard(id: string): Promise<void> {
    if (!this.#store || this.isBusy(id)) return;
    const found = await get<Conversation>(id, this.#store);
    const others = this.all.filter((each) => each.id !== id);
    const isOpen = this.current.id === id;
    this.all = found ? [found, ...others] : others;
    if (!isOpen) return;
    if (found) this.open(id);
    else this.begin([...this.current.models]);
  }
  async #save(id: string): Promise<void> {
    const found = this.all.find((each) => each.id === id);
    if (!found || !this.#store) return;
    try {
      await set(id, $state.snapshot(found), this.#store);
      if (!isRunning(found)) this.#tabs?.postMessage(id);
      this.trouble = '';
    } catch (error) {
      this.trouble = String(error);
    }
  }
}

const text = (conversation: Conversation): string =>
  [titleOf(conversation), ...conversation.exchanges.flatMap(words)].join(' ').toLowerCase();
const words = ({ text: asked, answers }: Exchange): string[] => [
  asked,
  ...answers.flatMap(({ steps }) => steps.map((step) => step.text)),
];

const isRunning = (conversation: Conversation): boolean =>
  conversation.exchanges.some((each) => each.answers.some(({ state }) => state === 'running' || state === 'waiting'));

/** An answer that was running when the page was closed has stopped. */
function interrupted(conversation: Conversation): Conversation {
  for (const exchange of conversation.exchanges)
    for (const answer of exchange.answers)
      if (answer.state === 'running' || answer.state === 'waiting') answer.state = 'stopped';
  return conversation;
}

export const library = new Library();
