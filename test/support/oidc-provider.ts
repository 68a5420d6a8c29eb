import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type Configuration, type JWK } from 'oidc-provider';
import { CookieJar } from './cookie-jar.js';

export interface TestPerson {
  email: string;
  emailVerified: boolean;
}

type SigningAlgorithm = 'PS256' | 'ES256' | 'EdDSA';

const CALLBACK = 'http://127.0.0.1/callback';
const MOST_REDIRECTS = 20;
const TTL_SECONDS = 600;

function signingKey(alg: SigningAlgorithm): JWK {
  const { privateKey } = alg === 'PS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : alg === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg } as JWK;
}

/**
 * A real OpenID provider on loopback with one public client for people (authorization code with PKCE) and one confidential
 * client for machines (client credentials). Its access tokens for the platform's API are JWTs.
 */
export class TestProvider {
  readonly audience = `https://api-${randomUUID()}.fnplane.test`;
  readonly machine = { id: `machine-${randomUUID()}`, secret: randomBytes(32).toString('hex'), roles: ['auditor'] };
  readonly people = new Map<string, TestPerson>();
  issuer = '';
  private server: Server | undefined;
  private callback: ReturnType<Provider['callback']> | undefined;
  private port = 0;
  private readonly cookieKeys = [randomBytes(32).toString('hex')];

  async start(alg: SigningAlgorithm): Promise<this> {
    await this.listen();
    this.issuer = `http://127.0.0.1:${this.port}`;
    this.rotate(alg);
    return this;
  }

  /** At the same address as before. */
  async listen(): Promise<void> {
    this.server = createServer((request, response) => void this.callback!(request, response));
    await new Promise<void>((resolve) => this.server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const { server } = this;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server?.listening ? server.close(() => resolve()) : resolve()));
  }

  /** The provider goes on with a new key, and publishes the old one no longer. */
  rotate(alg: SigningAlgorithm): void {
    const provider = new Provider(this.issuer, this.configuration(signingKey(alg), alg));
    provider.on('server_error', (_context: unknown, error: Error) => { throw error; });
    this.callback = provider.callback();
  }

  /** What a machine does to get an access token. */
  async machineToken(): Promise<string> {
    const basic = Buffer.from(`${this.machine.id}:${this.machine.secret}`).toString('base64');
    return this.token({ grant_type: 'client_credentials', resource: this.audience, scope: 'api' }, { authorization: `Basic ${basic}` });
  }

  /** What a person's browser and portal do: sign in, consent, come back with a code, exchange it with the PKCE verifier. */
  async personToken(login: string): Promise<string> {
    const verifier = randomBytes(32).toString('base64url');
    const state = randomUUID();
    const query = new URLSearchParams({
      client_id: 'portal', response_type: 'code', redirect_uri: CALLBACK, scope: 'openid api', resource: this.audience, state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
    });
    const back = await this.browse(`${this.issuer}/auth?${query.toString()}`, login);
    if (back.searchParams.get('state') !== state || !back.searchParams.has('code')) throw new Error(`the provider answered ${back.search}`);
    return this.token({ grant_type: 'authorization_code', client_id: 'portal', code: back.searchParams.get('code')!, redirect_uri: CALLBACK, code_verifier: verifier, resource: this.audience });
  }

  /** Follows redirects and sends the forms that come up, until the provider sends the browser back to the portal. */
  private async browse(start: string, login: string): Promise<URL> {
    const jar = new CookieJar();
    let next: { url: URL; form?: URLSearchParams } = { url: new URL(start) };
    for (let step = 0; step < MOST_REDIRECTS; step += 1) {
      if (next.url.href.startsWith(CALLBACK)) return next.url;
      const answer = await fetch(next.url, { redirect: 'manual', method: next.form ? 'POST' : 'GET', body: next.form, headers: { cookie: jar.header(next.url) } });
      jar.take(answer, next.url);
      const location = answer.headers.get('location');
      next = location ? { url: new URL(location, next.url) } : filledForm(await answer.text(), next.url, login);
    }
    throw new Error('the provider never came to an end');
  }

  private async token(body: Record<string, string>, headers: Record<string, string> = {}): Promise<string> {
    const answer = await fetch(`${this.issuer}/token`, { method: 'POST', body: new URLSearchParams(body), headers });
    const { access_token: token, error, error_description: why } = await answer.json() as Record<string, string>;
    if (!token) throw new Error(`${error}: ${why}`);
    return token;
  }

  private configuration(key: JWK, alg: SigningAlgorithm): Configuration {
    return {
      clients: [
        { client_id: 'portal', token_endpoint_auth_method: 'none', application_type: 'native', redirect_uris: [CALLBACK], grant_types: ['authorization_code'], response_types: ['code'], id_token_signed_response_alg: alg },
        { client_id: this.machine.id, client_secret: this.machine.secret, redirect_uris: [], grant_types: ['client_credentials'], response_types: [], id_token_signed_response_alg: alg },
      ],
      jwks: { keys: [key] },
      cookies: { keys: this.cookieKeys },
      enabledJWA: { idTokenSigningAlgValues: [alg] },
      ttl: { Interaction: TTL_SECONDS, Session: TTL_SECONDS, Grant: TTL_SECONDS, AccessToken: TTL_SECONDS, IdToken: TTL_SECONDS, ClientCredentials: TTL_SECONDS, AuthorizationCode: 60 },
      pkce: { required: () => true },
      scopes: ['openid', 'api'],
      findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      extraTokenClaims: (_context, token) => {
        if (token.kind === 'ClientCredentials') return { roles: this.machine.roles };
        const person = this.people.get((token as { accountId?: string }).accountId ?? '');
        return person && { email: person.email, email_verified: person.emailVerified };
      },
      features: {
        devInteractions: { enabled: true },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({ scope: 'api', audience: this.audience, accessTokenFormat: 'jwt', accessTokenTTL: TTL_SECONDS, jwt: { sign: { alg } } }),
        },
      },
    };
  }
}

/** The form of a page, with its hidden fields and, where it asks for them, a login and password. */
function filledForm(page: string, at: URL, login: string): { url: URL; form: URLSearchParams } {
  const action = /<form[^>]*action="([^"]+)"/.exec(page)?.[1];
  if (!action) throw new Error(`a page without a form: ${page.slice(0, 2_000)}`);
  const form = new URLSearchParams();
  for (const [, name, value] of page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) form.set(name!, value!);
  if (page.includes('name="login"')) {
    form.set('login', login);
    form.set('password', 'any');
  }
  return { url: new URL(action, at), form };
}
