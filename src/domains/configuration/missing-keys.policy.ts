/** What a secret had and has no more: `name/KEY` each, or `name` alone where nothing is left of it. */
export function missingKeys(name: string, had: readonly string[], has: readonly string[]): string[] {
  const kept = new Set(has);
  const gone = had.filter((key) => !kept.has(key));
  if (gone.length === 0) return [];
  return has.length === 0 ? [name] : gone.map((key) => `${name}/${key}`);
}
