export const KEY_BYTES = 32;

/** What is wrong with a text that {@link parseKeyRing} cannot read; says nothing of what it holds. */
export const KEY_RING_FORM = `must hold id:base64 entries of ${KEY_BYTES} bytes with different ids, divided by commas`;

/** Reads `id:base64`, several divided by commas: the keys by id in their order, or undefined where the text is something else. */
export function parseKeyRing(text: string): ReadonlyMap<string, Buffer> | undefined {
  const keys = new Map<string, Buffer>();
  for (const entry of text.split(',')) {
    const at = entry.indexOf(':');
    const id = entry.slice(0, at).trim();
    const key = Buffer.from(entry.slice(at + 1).trim(), 'base64');
    if (at <= 0 || key.length !== KEY_BYTES || keys.has(id)) return undefined;
    keys.set(id, key);
  }
  return keys;
}
