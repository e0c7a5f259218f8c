/** Jobs, as the server announces them; what is to be told when one ends. */
import { api, path } from '../api/client';
import { events, type Events } from '../api/events.svelte';
import { isOver, type Job } from '../api/jobs';
import { Keyed } from './keyed.svelte';
import { prefs } from './prefs.svelte';
import { toasts } from './toasts.svelte';

const WATCHED = 'jobs.watched';

class Jobs extends Keyed<Job> {
  /** The drawer is open. */
  isOpen = $state(false);
  /** The job that the drawer shows. */
  shown = $state<string | null>(null);
  /** Ends that this person has asked to hear of. */
  watched = $derived(new Set(prefs.view<string[]>(WATCHED, [])));
  /** Every end is told outside of the page, not only those that were asked for. */
  get tellsAll(): boolean {
    return prefs.view<string>('notify.jobs', 'watched') === 'all';
  }
  onEnd: ((job: Job) => void) | null = null;
  /** Those that are about to be forgotten, as long as that can be taken back. */
  leaving = $state.raw<ReadonlySet<string>>(new Set());

  get active(): Job[] {
    return this.list.filter((job) => !isOver(job));
  }
  get kept(): Job[] {
    return this.list.filter((job) => !this.leaving.has(job.id));
  }
  get newestFirst(): Job[] {
    return this.kept.sort((a, b) => b.created - a.created);
  }
  override update(job: Job): void {
    const before = this.get(job.id);
    super.update(job);
    const ended = before ? !isOver(before) : this.watched.has(job.id);
    if (ended && isOver(job)) this.onEnd?.(job);
    if (isOver(job) && this.watched.has(job.id)) this.#watch([...this.watched].filter((id) => id !== job.id));
  }
  show(id: string): void {
    this.shown = id;
    this.isOpen = true;
  }
  /** Hear of the end of a job, or no longer; kept over a reload. */
  watch(id: string): void {
    const others = [...this.watched].filter((each) => each !== id);
    this.#watch(this.watched.has(id) ? others : [...others, id]);
  }
  #watch(ids: string[]): void {
    prefs.setView(WATCHED, ids);
  }
  /** Hide it at once and forget it for good in some seconds, unless that is taken back. */
  forget(job: Job, told: string, undo: string): void {
    const back = () => (this.leaving = new Set([...this.leaving].filter((id) => id !== job.id)));
    const failed = (error: unknown) => {
      back();
      toasts.error(error);
    };
    const done = () => void api.delete(path('api/jobs', job.id)).catch(failed);
    this.leaving = new Set([...this.leaving, job.id]);
    toasts.undoable(told, undo, done, back);
  }
  cancel = (job: Job): Promise<unknown> => api.post(`${path('api/jobs', job.id)}/cancel`);
  async retry(job: Job): Promise<void> {
    const answer = await api.post<{ job: Job }>(`${path('api/jobs', job.id)}/retry`);
    this.show(answer.job.id);
  }
}

export const jobs = new Jobs();

export function followJobs(source: Events = events): void {
  source.on('reset', () => jobs.reset());
  source.on('ready', () => jobs.ready());
  source.on<Job>('job.updated', (job) => jobs.update(job));
  source.on<{ id: string }>('job.removed', ({ id }) => jobs.remove(id));
}
