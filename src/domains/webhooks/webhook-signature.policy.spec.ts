import { describe, expect, it } from 'vitest';
import { mintWebhookSecret, signatureFields } from './webhook-signature.policy.js';

describe('the signature of a delivery', () => {
  it('is that of the example of the Standard Webhooks libraries', () => {
    const at = new Date(1_614_265_330_000);
    expect(signatureFields('msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}', ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'])).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': '1614265330', 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is one of each secret that is in force', () => {
    const [one, two] = [mintWebhookSecret(), mintWebhookSecret()];
    const of = (...secrets: string[]) => signatureFields('id', new Date(0), '{}', secrets)['webhook-signature'];
    expect(of(one, two)).toBe(`${of(one)} ${of(two)}`);
    expect(of(one)).not.toBe(of(two));
  });
});

it('a new secret has 32 bytes and is never the same', () => {
  const secrets = Array.from({ length: 10 }, mintWebhookSecret);
  expect(new Set(secrets).size).toBe(10);
  for (const secret of secrets) expect([secret.slice(0, 6), Buffer.from(secret.slice(6), 'base64').length]).toEqual(['whsec_', 32]);
});
