/** Loading and unloading: the plan before, the wait that can be given up, the message after. */
import { t } from '$i18n';
import { api, isAbort, path } from '../api/client';
import type { Model, SwapPlan } from '../api/types';
import { confirm } from '../state/confirm.svelte';
import { toasts } from '../state/toasts.svelte';

interface Asked {
  model: Model;
  plan: SwapPlan;
  answer: (go: boolean) => void;
}

class Loads {
  /** What this browser waits for, by model. */
  waiting = $state.raw<ReadonlyMap<string, AbortController>>(new Map());
  unloading = $state.raw<ReadonlySet<string>>(new Set());
  /** A plan that a person must agree with. */
  asked = $state.raw<Asked | null>(null);

  /** Ask what it would do to the others; when it does something, ask the person; then load. */
  async load(model: Model): Promise<void> {
    if (this.waiting.has(model.id)) return;
    const controller = new AbortController();
    this.waiting = new Map(this.waiting).set(model.id, controller);
    try {
      const plan = await planOf(model.id, controller.signal);
      if (needsConsent(plan) && !(await this.#consent(model, plan))) return;
      await api.post(path('api/models/load', model.id), undefined, { signal: controller.signal });
      toasts.ok(t('models.loaded', { model: model.name || model.id }));
    } catch (error) {
      if (!isAbort(error)) toasts.error(error);
    } finally {
      this.waiting = new Map([...this.waiting].filter(([id]) => id !== model.id));
    }
  }

  /** Stop waiting; the load itself ends too unless somebody else waits for it. */
  cancel(model: Model): void {
    this.waiting.get(model.id)?.abort();
  }

  async unload(model: Model): Promise<void> {
    if (model.serving && !(await this.#sure(model))) return;
    this.unloading = new Set(this.unloading).add(model.id);
    try {
      await api.post(path('api/models/unload', model.id));
    } catch (error) {
      toasts.error(error);
    } finally {
      this.unloading = new Set([...this.unloading].filter((id) => id !== model.id));
    }
  }

  async unloadAll(running: readonly Model[]): Promise<void> {
    const names = running.map((model) => model.name || model.id).join(', ');
    const question = { title: t('models.unloadAllTitle'), text: names, yes: t('models.unloadAll'), danger: true };
    if (!(await confirm(question))) return;
    await api.post('api/models/unload').catch((error: unknown) => toasts.error(error));
  }

  answer(go: boolean): void {
    this.asked?.answer(go);
    this.asked = null;
  }

  #consent(model: Model, plan: SwapPlan): Promise<boolean> {
    this.answer(false);
    return new Promise((resolve) => (this.asked = { model, plan, answer: resolve }));
  }
  /** What was told of it may be half a second old: a load that has just ended is no reason to ask. */
  async #sure(model: Model): Promise<boolean> {
    const { serving } = await api.get<Model>(path('api/models', model.id)).catch(() => model);
    if (!serving) return true;
    return confirm({
      title: t('models.unloadBusy', { model: model.name || model.id }),
      text: t('models.unloadBusyText', { n: serving }),
      yes: t('models.unload'),
      danger: true,
    });
  }
}

export const planOf = (model: string, signal?: AbortSignal): Promise<SwapPlan> =>
  api.post<SwapPlan>('api/plan', { model }, { signal });

/** Whether somebody would lose something, or wait. */
export const needsConsent = (plan: SwapPlan): boolean =>
  plan.evictions.length > 0 || plan.waits_for.length > 0 || plan.refusal !== null;

export const loads = new Loads();
