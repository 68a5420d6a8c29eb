/** A module of the compiled sources, e.g. `contract/names.js`. Its type is the caller's to name: `compiled<typeof import('../../../src/contract/names.js')>(...)`. */
export function compiled<Module>(path: string): Promise<Module> {
  return import(new URL(`../../../dist/src/${path}`, import.meta.url).href) as Promise<Module>;
}
