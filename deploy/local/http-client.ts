/** What came back: status, headers, and the body as JSON where it is JSON. */
export interface HttpAnswer {
  status: number;
  headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into answers of every shape
  body: any;
}

export interface HttpOptions {
  body?: unknown;
  headers?: Record<string, string>;
}

/** A caller of the public APIs, for the demo, the benchmarks and the tests: REST by verb, GraphQL by document. */
export class HttpClient {
  readonly url: string;
  readonly token: string | undefined;

  constructor(url: string, token?: string) {
    this.url = url;
    this.token = token;
  }

  get(path: string, options?: HttpOptions): Promise<HttpAnswer> { return this.send('GET', path, options); }
  post(path: string, body?: unknown, options?: HttpOptions): Promise<HttpAnswer> { return this.send('POST', path, { ...options, body }); }
  put(path: string, body?: unknown, options?: HttpOptions): Promise<HttpAnswer> { return this.send('PUT', path, { ...options, body }); }
  patch(path: string, body?: unknown, options?: HttpOptions): Promise<HttpAnswer> {
    return this.send('PATCH', path, { body, headers: { 'content-type': 'application/merge-patch+json', ...options?.headers } });
  }
  delete(path: string, options?: HttpOptions): Promise<HttpAnswer> { return this.send('DELETE', path, options); }

  /** Answers `{ data, errors }`; the HTTP status is in `status`. */
  async graphql(query: string, variables: Record<string, unknown> = {}): Promise<HttpAnswer> {
    return this.send('POST', '/graphql', { body: { query, variables } });
  }

  async send(method: string, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
    const raw = options.body instanceof Uint8Array || typeof options.body === 'string';
    const headers: Record<string, string> = { ...(this.token ? { authorization: `Bearer ${this.token}` } : {}), ...(options.body !== undefined && !raw ? { 'content-type': 'application/json' } : {}), ...options.headers };
    const body = options.body === undefined ? undefined : raw ? (options.body as string) : JSON.stringify(options.body);
    const answer = await fetch(new URL(path, this.url), { method, headers, body, signal: AbortSignal.timeout(60_000) });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const json = /[/+]json\b/.test(answer.headers.get('content-type') ?? '');
    return { status: answer.status, headers: answer.headers, body: json && bytes.length > 0 ? JSON.parse(bytes.toString('utf8')) : bytes };
  }
}
