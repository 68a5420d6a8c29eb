import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AnswerSealer } from './answer-sealer.js';
import { Envelope } from './envelope.js';
import { KeyProviders } from './key-providers.js';
import type { KeyRegister } from './key-register.js';
import { parseKeyRing } from './key-ring.js';
import { LocalKeyProvider } from './local-key-provider.js';

const entry = (id: string, bytes = 32): string => `${id}:${randomBytes(bytes).toString('base64')}`;
const VALUE = Buffer.from('a secret');

/** With a register that knows every key: that one is tested on a real Postgres. */
function envelopeOf(ring?: string): Envelope {
  const provider = ring === undefined ? undefined : new LocalKeyProvider(ring);
  const current = () => provider!.currentKey();
  return new Envelope(new KeyProviders(provider, provider ? [provider] : []), { current, refresh: current } as unknown as KeyRegister, 1);
}

describe('an envelope', () => {
  it('opens what it sealed, for what it was sealed for alone', async () => {
    const envelope = envelopeOf(entry('k1'));
    const sealed = await envelope.seal(VALUE, 'tenant/secret/1');
    expect(await envelope.open(sealed, 'tenant/secret/1')).toEqual(VALUE);
    await expect(envelope.open(sealed, 'tenant/secret/2')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE', kind: 'unavailable' });
    const other = await envelope.seal(VALUE, 'tenant/secret/2');
    await expect(envelope.open({ ...sealed, wrappedKey: other.wrappedKey }, 'tenant/secret/1')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
    await expect(envelope.open({ ...sealed, sealed: other.sealed }, 'tenant/secret/1')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
    await expect(envelope.open({ ...sealed, wrappedKey: sealed.wrappedKey.subarray(0, 9) }, 'tenant/secret/1')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  });

  it('seals with the first key, opens with all of them, and rewraps from one to the other', async () => {
    const old = entry('old');
    const sealed = await envelopeOf(old).seal(VALUE, 'x');
    const rotated = envelopeOf(`${entry('new')},${old}`);
    expect(await rotated.open(sealed, 'x')).toEqual(VALUE);
    expect((await rotated.seal(VALUE, 'x')).keyId).toBe('new');
    const [wrappedKey, lost] = await rotated.rewrap('old', 'new', [{ wrappedKey: sealed.wrappedKey, boundTo: 'x' }, { wrappedKey: sealed.wrappedKey, boundTo: 'y' }]);
    expect(await rotated.open({ keyId: 'new', wrappedKey: wrappedKey!, sealed: sealed.sealed }, 'x')).toEqual(VALUE);
    expect(lost).toBeUndefined();
    await expect(envelopeOf(entry('other')).open(sealed, 'x')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  });

  it('without keys neither seals nor opens', async () => {
    const keyless = envelopeOf();
    await expect(keyless.seal(VALUE, 'x')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
    await expect(keyless.open(await envelopeOf(entry('k1')).seal(VALUE, 'x'), 'x')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  });
});

describe('kept answers', () => {
  const secret = randomBytes(32).toString('hex');

  it('open again with the same secret, for the same request alone', () => {
    const sealed = new AnswerSealer(secret).seal(VALUE, 'idempotency:a');
    expect(new AnswerSealer(secret).open(sealed, 'idempotency:a')).toEqual(VALUE);
    expect(() => new AnswerSealer(secret).open(sealed, 'idempotency:b')).toThrow(expect.objectContaining({ code: 'IDEMPOTENCY_UNREADABLE' }));
    expect(sealed.includes(VALUE)).toBe(false);
  });

  it('are compared by a keyed hash, and not at all once the secret is another', () => {
    const [before, after] = [new AnswerSealer(secret), new AnswerSealer(randomBytes(32).toString('hex'))];
    const hash = before.fingerprint('request');
    expect(before.isSame(hash, before.fingerprint('request'))).toBe(true);
    expect(before.isSame(hash, before.fingerprint('another'))).toBe(false);
    expect(() => after.isSame(hash, after.fingerprint('request'))).toThrow(expect.objectContaining({ code: 'IDEMPOTENCY_UNREADABLE', kind: 'conflict' }));
  });

  it('are not kept by a process without the secret', () => {
    for (const attempt of [() => new AnswerSealer(undefined).fingerprint('x'), () => new AnswerSealer(undefined).seal(VALUE, 'x')]) {
      expect(attempt).toThrow(expect.objectContaining({ code: 'IDEMPOTENCY_UNAVAILABLE' }));
    }
  });
});

describe('a key ring', () => {
  it('keeps the order of its text', () => expect([...parseKeyRing(`${entry('b')}, ${entry('a')}`)!.keys()]).toEqual(['b', 'a']));

  it.each([['no id', entry('')], ['a short key', entry('k1', 31)], ['a long key', entry('k1', 33)], ['an id twice', `${entry('k1')},${entry('k1')}`], ['nothing', ''], ['an empty entry', `${entry('k1')},`]])(
    'is refused with %s', (_, text) => expect(parseKeyRing(text)).toBeUndefined());
});
