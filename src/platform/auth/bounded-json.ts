const TIMEOUT_MS = 5_000;
/** Key sets and discovery documents are a few KiB. */
const MAX_BYTES = 256 * 1024;

/** Reads a small JSON document over HTTP. Follows no redirect, waits and reads no more than is good for it. @throws for everything but a 200 with JSON. */
export async function fetchBoundedJson(url: string): Promise<unknown> {
  const response = await fetch(url, { redirect: 'manual', headers: { accept: 'application/json' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status !== 200 || !response.body) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new Error(`${url} answered more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (cause) {
    throw new Error(`${url} did not answer JSON`, { cause });
  }
}
