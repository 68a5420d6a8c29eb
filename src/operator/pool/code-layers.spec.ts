import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ByteCache } from './byte-cache.js';
import { CodeLayers, type ImageSource } from './code-layers.js';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const BASE = `registry.test/fnplane/runtime-python@${digest('a')}`;
const IMAGE = `registry.test/t/shop@${digest('b')}`;
const LIMIT = 1_000_000;

/** A registry that counts what is asked of it. */
function source(layers: Record<string, string[]>, blobs: Record<string, Buffer>): ImageSource & { blobReads: number } {
  return {
    blobReads: 0,
    owns: (host) => host === 'registry.test',
    async getManifest(_repository, reference) {
      const found = layers[reference];
      const bytes = Buffer.from(JSON.stringify({ layers: found?.map((one) => ({ digest: digest(one), size: 10 })) }));
      return found ? { digest: reference, mediaType: '', size: bytes.length, bytes } : null;
    },
    async getBlob(_repository, reference) {
      this.blobReads += 1;
      return blobs[reference] ?? null;
    },
  };
}

describe('the code of a function', () => {
  const tar = Buffer.from('code'.repeat(100));
  const registry = () => source({ [digest('a')]: ['1', '2'], [digest('b')]: ['1', '2', '3'], [digest('c')]: ['1', '9', '3'], [digest('d')]: ['1', '2', '3', '4'] }, { [digest('3')]: gzipSync(tar) });

  test('is the one layer above its base, unpacked, and read once', async () => {
    const from = registry();
    const layers = new CodeLayers(from, LIMIT);
    const all = await Promise.all([layers.get(IMAGE, BASE, LIMIT), layers.get(IMAGE, BASE, LIMIT)]);
    expect([...all, await layers.get(IMAGE, BASE, LIMIT)]).toEqual([tar, tar, tar]);
    expect(from.blobReads).toBe(1);
  });

  test.each([
    ['an image upon another base', `registry.test/t/shop@${digest('c')}`],
    ['an image with more layers', `registry.test/t/shop@${digest('d')}`],
    ['an image that is gone', `registry.test/t/shop@${digest('e')}`],
    ['an image of another registry', `elsewhere.test/t/shop@${digest('b')}`],
  ])('is not taken from %s', async (_what, image) => {
    expect(await new CodeLayers(registry(), LIMIT).get(image, BASE, LIMIT)).toBeUndefined();
  });

  test('is not unpacked beyond the bound', async () => {
    const from = registry();
    const layers = new CodeLayers(from, LIMIT);
    expect(await layers.get(IMAGE, BASE, 50)).toBeUndefined();
    expect(await layers.get(IMAGE, BASE, 50)).toBeUndefined();
    expect(from.blobReads).toBe(1);
  });
});

test('a cache of bytes lets go what was not used for longest, and keeps nothing larger than itself', () => {
  const cache = new ByteCache(10);
  cache.set('a', Buffer.alloc(4));
  cache.set('b', Buffer.alloc(4));
  cache.get('a');
  cache.set('c', Buffer.alloc(4));
  expect(['a', 'b', 'c'].map((key) => cache.get(key)?.length)).toEqual([4, undefined, 4]);
  cache.set('d', Buffer.alloc(11));
  expect([cache.get('d'), cache.bytes]).toEqual([undefined, 8]);
  cache.set('a', Buffer.alloc(2));
  expect(cache.bytes).toBe(6);
});
