/**
 * The `sl-*` elements: the shell's components for modules that know no Svelte. Properties are set from JavaScript
 * (`.rows=${rows}`), plain texts may be attributes. No shadow: tokens and classes of the pages apply inside.
 */
import { mount, unmount, type Component } from 'svelte';
import ElementHost from './ElementHost.svelte';

type Given = Record<string, unknown>;

interface Definition {
  /** Properties, in camelCase; each is an attribute too. */
  properties: string[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- components of all kinds
  load: () => Promise<{ default: Component<any> }>;
  /** From the element's properties to the component's. */
  props: (given: Given, element: HTMLElement) => Given;
}

const view = (data: unknown, given: Given, props: Given = {}): Given => ({
  data,
  source: String(given.source ?? ''),
  props,
  context: (given.context as object) ?? {},
  title: String(given.label ?? ''),
  refresh: () => undefined,
});

const DEFINITIONS: Record<string, Definition> = {
  'sl-table': {
    properties: ['rows', 'columns', 'rowActions', 'label', 'context', 'empty'],
    load: () => import('$lib/slots/views/TableView.svelte'),
    props: (given) =>
      view({ rows: given.rows ?? [] }, given, {
        columns: given.columns,
        rowActions: given.rowActions,
        empty: given.empty,
      }),
  },
  'sl-matrix': {
    properties: ['data', 'label'],
    load: () => import('$lib/slots/views/MatrixView.svelte'),
    props: (given) => view(given.data, given),
  },
  'sl-chart': {
    properties: ['t', 'series', 'marks', 'unit', 'max', 'sync', 'label'],
    load: () => import('$lib/slots/views/TimeseriesView.svelte'),
    props: (given) =>
      view({ t: given.t ?? [], series: given.series ?? [], marks: given.marks ?? [] }, given, {
        unit: given.unit,
        max: given.max,
        sync: given.sync,
      }),
  },
  'sl-log': {
    properties: ['stream', 'source', 'label'],
    load: () => import('$lib/slots/views/LogView.svelte'),
    props: (given) => ({ ...view(null, given, { source: given.source }), source: String(given.stream ?? '') }),
  },
  'sl-code': {
    properties: ['text', 'label'],
    load: () => import('$lib/slots/views/CodeView.svelte'),
    props: (given) => view(given.text ?? '', given),
  },
  'sl-markdown': {
    properties: ['text'],
    load: () => import('$lib/slots/views/MarkdownView.svelte'),
    props: (given) => view(given.text ?? '', given),
  },
  'sl-badge': {
    properties: ['state', 'text'],
    load: () => import('$lib/slots/views/Cell.svelte'),
    props: (given) => ({ type: 'badge', value: { state: given.state, text: given.text ?? given.state } }),
  },
  'sl-action': {
    properties: ['action', 'context'],
    load: () => import('./ActionElement.svelte'),
    props: (given) => ({ id: String(given.action ?? ''), context: given.context ?? {} }),
  },
  'sl-job': {
    properties: ['job'],
    load: () => import('./JobElement.svelte'),
    props: (given) => ({ id: String(given.job ?? '') }),
  },
  'sl-form': {
    properties: ['schema', 'values', 'errors', 'label'],
    load: () => import('./FormElement.svelte'),
    props: (given, element) => ({
      schema: given.schema ?? {},
      given: given.values ?? {},
      errors: given.errors ?? [],
      label: given.label,
      onsend: (values: unknown) => element.dispatchEvent(new CustomEvent('submit', { detail: values })),
    }),
  },
};

export const elementNames = Object.keys(DEFINITIONS);

export function defineElements(): void {
  for (const [name, definition] of Object.entries(DEFINITIONS)) {
    if (!customElements.get(name)) customElements.define(name, elementClass(definition));
  }
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function elementClass(definition: Definition): CustomElementConstructor {
  class SlElement extends HTMLElement {
    static observedAttributes = definition.properties.map(kebab);
    given = $state<Given>({});
    #mounted: Given | null = null;

    connectedCallback(): void {
      for (const name of definition.properties) this.#adopt(name);
      const { load, props } = definition;
      this.#mounted ??= mount(ElementHost, { target: this, props: { load, props: () => props(this.given, this) } });
    }
    disconnectedCallback(): void {
      if (this.#mounted) void unmount(this.#mounted);
      this.#mounted = null;
    }
    attributeChangedCallback(attribute: string, _: string | null, value: string | null): void {
      const name = definition.properties.find((each) => kebab(each) === attribute);
      if (name && value !== null) this.given[name] = value;
    }
    /** A property that was set before the element was known hides the accessor: take it over. */
    #adopt(name: string): void {
      if (!Object.hasOwn(this, name)) return;
      const value = (this as unknown as Given)[name];
      delete (this as unknown as Given)[name];
      this.given[name] = value;
    }
  }
  for (const name of definition.properties) {
    Object.defineProperty(SlElement.prototype, name, {
      configurable: true,
      get(this: SlElement) {
        return this.given[name];
      },
      set(this: SlElement, value: unknown) {
        this.given[name] = value;
      },
    });
  }
  return SlElement;
}
