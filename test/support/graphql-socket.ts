import { createClient, type Client } from 'graphql-ws';
import type { HttpClient } from '../../deploy/local/http-client.ts';

interface Told {
  extensions?: { code?: string };
}

/** A socket of GraphQL's for this caller. */
export function openSocket({ url, token }: HttpClient, params: Record<string, unknown> = { authorization: `Bearer ${token}` }): Client {
  return createClient({ url: `${url.replace(/^http/, 'ws')}/graphql`, connectionParams: params, retryAttempts: 0, lazy: true });
}

/** What a subscription came to. */
export class Subscribed<Data = Record<string, unknown>> {
  readonly data: Data[] = [];
  /** Codes of all errors it was told. */
  readonly codes: string[] = [];
  ended = false;
  /** Of the socket, where that was closed. */
  closed: { code: number; reason: string } | undefined;
  readonly leave: () => void;

  constructor(client: Client, query: string, variables: Record<string, unknown> = {}, extensions?: Record<string, unknown>) {
    this.leave = client.subscribe<Data>({ query, variables, ...(extensions ? { extensions } : {}) }, {
      next: ({ data, errors }) => {
        if (data) this.data.push(data);
        this.note(errors ?? []);
      },
      error: (error) => {
        if (Array.isArray(error)) this.note(error as Told[]);
        else this.closed = error as { code: number; reason: string };
        this.ended = true;
      },
      complete: () => { this.ended = true; },
    });
  }

  private note(errors: readonly Told[]): void {
    this.codes.push(...errors.map(({ extensions }) => extensions?.code ?? 'NONE'));
  }
}

/** Longest to wait for a word. */
const LONGEST_MS = 20_000;

/** Why a subscription does not begin; nothing where it ends without a reason. */
export async function subscriptionCodes(caller: HttpClient, query: string, variables: Record<string, unknown>): Promise<string[]> {
  const client = openSocket(caller);
  try {
    const subscribed = new Subscribed(client, query, variables);
    const until = Date.now() + LONGEST_MS;
    while (!subscribed.ended && subscribed.codes.length === 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
    return subscribed.codes;
  } finally {
    await client.dispose();
  }
}
