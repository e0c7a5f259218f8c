/** What a panel or an action is about: the model, node or backend of the place where it stands. */

export type Context = Readonly<Record<string, string>>;

/** Fill `{model}` and the like into an address of the manifest. */
export function filled(template: string, context: Context): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = context[name];
    return value === undefined ? whole : encodeURIComponent(value);
  });
}
