import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface TransitKey {
  versions: Buffer[];
  minDecryption: number;
  minEncryption: number;
}

interface Token {
  ttlMs: number;
  endsAt: number;
}

interface Answer {
  status: number;
  body?: object;
}

interface BatchItem {
  plaintext?: string;
  ciphertext?: string;
  associated_data?: string;
  key_version?: number;
}

const refusal = (status: number, ...errors: string[]): Answer => ({ status, body: { errors } });
const notFound = (): Answer => refusal(400, 'encryption key not found');

/**
 * The HTTP API of Vault's Transit engine, as far as it is documented for AEAD keys: key versions, batches, associated data, minimum versions, rotation, tokens that end and are
 * renewed, and the seal. Statuses and messages are those of Vault 1.21. It is a recording of the protocol: neither Vault nor OpenBao can be had as a module that builds in
 * reasonable time.
 */
export class TransitServer {
  readonly keys = new Map<string, TransitKey>();
  readonly tokens = new Map<string, Token>();
  /** Paths asked for, newest last. */
  readonly requests: string[] = [];
  sealed = false;
  /** Takes requests and never answers. */
  hanging = false;
  private readonly server: Server;
  private port = 0;

  constructor() {
    this.server = createServer((request, response) => {
      void read(request).then((body) => this.answer(request, body)).catch(() => refusal(500, 'internal error')).then(({ status, body }) => {
        if (this.hanging) return;
        response.writeHead(status, { 'content-type': 'application/json' }).end(body ? JSON.stringify(body) : undefined);
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  issueToken(ttlMs = 3_600_000): string {
    const token = `hvs.${randomBytes(12).toString('hex')}`;
    this.tokens.set(token, { ttlMs, endsAt: Date.now() + ttlMs });
    return token;
  }

  createKey(name: string): void {
    this.keys.set(name, { versions: [randomBytes(32)], minDecryption: 1, minEncryption: 0 });
  }

  rotate(name: string): void {
    this.keys.get(name)!.versions.push(randomBytes(32));
  }

  private answer(request: IncomingMessage, body: Record<string, unknown>): Answer {
    const path = (request.url ?? '').replace(/^\/v1\//, '');
    this.requests.push(path);
    if (this.sealed) return refusal(503, 'Vault is sealed');
    const held = String(request.headers['x-vault-token'] ?? '');
    const token = this.tokens.get(held);
    if (!token || token.endsAt <= Date.now()) return refusal(403, 'permission denied', 'invalid token');
    if (path === 'auth/token/lookup-self') return { status: 200, body: { data: { ttl: secondsLeft(token), creation_ttl: token.ttlMs / 1000, renewable: true } } };
    if (path === 'auth/token/renew-self') {
      token.endsAt = Date.now() + token.ttlMs;
      return { status: 200, body: { auth: { client_token: held, lease_duration: secondsLeft(token), renewable: true } } };
    }
    const [, verb, name = ''] = /^transit\/(keys|encrypt|decrypt)\/([\w.-]+)$/.exec(path) ?? [];
    if (verb === 'keys' && request.method === 'GET') return this.describe(name);
    if (verb === 'encrypt' || verb === 'decrypt') return this.batch(verb, name, body);
    return refusal(404, `no handler for route "${path}". route entry not found.`);
  }

  private describe(name: string): Answer {
    const key = this.keys.get(name);
    if (!key) return refusal(404);
    return { status: 200, body: { data: { name, type: 'aes256-gcm96', latest_version: key.versions.length, min_decryption_version: key.minDecryption, min_encryption_version: key.minEncryption } } };
  }

  private batch(verb: 'encrypt' | 'decrypt', name: string, body: Record<string, unknown>): Answer {
    const key = this.keys.get(name);
    const items = body.batch_input as BatchItem[] | undefined;
    if (!items || items.length === 0) return refusal(400, 'missing batch input to process');
    if (!key) return notFound();
    const results = items.map((item) => {
      try {
        return verb === 'encrypt' ? encryptItem(key, item) : decryptItem(key, item);
      } catch (error) {
        return { error: (error as Error).message };
      }
    });
    const failed = results.filter((result) => 'error' in result).length;
    const partial = Number(body.partial_failure_response_code ?? 400);
    return { status: failed === 0 ? 200 : failed < results.length ? partial : 400, body: { data: { batch_results: results } } };
  }
}

function encryptItem(key: TransitKey, { plaintext, associated_data: aad, key_version: asked = 0 }: BatchItem): object {
  const version = asked === 0 ? key.versions.length : asked;
  if (version > key.versions.length) throw new Error('requested version for encryption is higher than the latest key version');
  if (version < key.minEncryption) throw new Error('requested version for encryption is less than the minimum encryption key version');
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.versions[version - 1]!, nonce).setAAD(Buffer.from(aad ?? '', 'base64'));
  const sealed = Buffer.concat([nonce, cipher.update(Buffer.from(plaintext ?? '', 'base64')), cipher.final(), cipher.getAuthTag()]);
  return { ciphertext: `vault:v${version}:${sealed.toString('base64')}`, key_version: version };
}

function decryptItem(key: TransitKey, { ciphertext = '', associated_data: aad }: BatchItem): object {
  if (!ciphertext.startsWith('vault:v')) throw new Error('invalid ciphertext: no prefix');
  const [, number = '', text = ''] = /^vault:v(\d+):(.*)$/.exec(ciphertext) ?? [];
  const version = Number(number);
  if (version > key.versions.length) throw new Error('invalid ciphertext: version is too new');
  if (version < key.minDecryption) throw new Error('ciphertext or signature version is disallowed by policy (too old)');
  const sealed = Buffer.from(text, 'base64');
  if (sealed.length < 28) throw new Error('invalid ciphertext length');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.versions[version - 1]!, sealed.subarray(0, 12)).setAAD(Buffer.from(aad ?? '', 'base64'));
    decipher.setAuthTag(sealed.subarray(sealed.length - 16));
    return { plaintext: Buffer.concat([decipher.update(sealed.subarray(12, sealed.length - 16)), decipher.final()]).toString('base64') };
  } catch {
    throw new Error('cipher: message authentication failed');
  }
}

function secondsLeft({ endsAt }: Token): number {
  return Math.max(0, Math.floor((endsAt - Date.now()) / 1000));
}

async function read(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text ? (JSON.parse(text) as Record<string, unknown>) : {};
}
