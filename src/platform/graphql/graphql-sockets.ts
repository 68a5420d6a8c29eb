import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { execute, GraphQLError, subscribe } from 'graphql';
import { handleProtocols, makeServer, type Server } from 'graphql-ws';
import { Gauge } from 'prom-client';
import { WebSocketServer, type WebSocket } from 'ws';
import { AccessGuard } from '../auth/access.guard.js';
import type { StatefulRequest } from '../auth/authorization.js';
import type { Config } from '../config/config.js';
import { DomainError } from '../errors/domain-error.js';
import { clientOf } from '../limits/client-address.policy.js';
import { parseAddressRanges, type AddressRange } from '../network/address-range.policy.js';
import { forwardedAddress } from '../network/forwarded-address.policy.js';
import { partLogger, withLogContext } from '../observability/logger.js';
import { registry } from '../observability/metrics.js';
import { CONFIG } from '../tokens.js';
import { GRAPHQL_PATH } from './document-id.js';
import { SocketOperations } from './socket-operations.js';

const log = partLogger('graphql');
const open = new Gauge({ name: 'fnplane_graphql_sockets', help: 'WebSockets of GraphQL clients.', registers: [registry] });

/** Sockets in this process, and of one caller. */
const MOST_SOCKETS = 2_000;
const MOST_OF_ONE = 50;
/** Those that have not said who they are, and from one address. */
const MOST_UNKNOWN = 200;
const MOST_UNKNOWN_OF_ONE = 20;
/** On one socket. */
const MOST_OPERATIONS = 20;
/** A document has at most 128 KiB, and its values are few. */
const MOST_MESSAGE_BYTES = 512 * 1024;
const INIT_MS = 5_000;
const PING_MS = 15_000;
/** Longest that clients are waited for when the process ends. */
const CLOSE_MS = 1_000;
const GOING_AWAY = 1001;
const UNAUTHENTICATED = 4401;
const TOO_MANY = 4429;
const INTERNAL = 4500;

/** What is known of a socket. */
interface Client {
  socket: WebSocket;
  ip: string;
  operations: Set<string>;
  /** Of the caller, once it is known, and as the header fields of a request would carry its credential. */
  principal: string | undefined;
  headers: StatefulRequest['headers'];
  isAlive: boolean;
}

/**
 * Subscriptions at GraphQL's own address, by the protocol `graphql-transport-ws`. The message `connection_init` carries the credential
 * (`{"authorization": "Bearer ..."}` or `{"x-api-key": "..."}`); each operation passes what those over HTTP pass.
 */
@Injectable()
export class GraphqlSockets implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_MESSAGE_BYTES, handleProtocols, perMessageDeflate: false });
  private readonly clients = new Set<Client>();
  private readonly server: Server<Client>;
  private readonly trusted: AddressRange[];
  private pinging: NodeJS.Timeout | undefined;
  private isClosing = false;

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly guard: AccessGuard,
    private readonly operations: SocketOperations,
    @Inject(CONFIG) config: Config,
  ) {
    this.trusted = parseAddressRanges(config.FNPLANE_TRUSTED_PROXIES);
    this.server = this.build();
  }

  onApplicationBootstrap(): void {
    const http = this.host.httpAdapter.getHttpServer() as HttpServer & { shouldUpgradeCallback?: (request: IncomingMessage) => boolean };
    // Any other request that asks for an upgrade is answered as if it did not.
    http.shouldUpgradeCallback = isForGraphql;
    http.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
    this.pinging = setInterval(() => this.ping(), PING_MS).unref();
  }

  onModuleDestroy(): Promise<void> {
    return this.close();
  }

  /** Asks all clients to go, and sees to it that they do. */
  async close(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.pinging);
    const gone = [...this.clients].map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
    for (const { socket } of this.clients) socket.close(GOING_AWAY, 'the server ends');
    const timer = setTimeout(() => this.clients.forEach(({ socket }) => socket.terminate()), CLOSE_MS);
    await Promise.all(gone);
    clearTimeout(timer);
  }

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const forwarded = request.headers['x-forwarded-for'];
    const ip = forwardedAddress(request.socket.remoteAddress ?? '', Array.isArray(forwarded) ? forwarded.join(',') : forwarded, this.trusted);
    if (this.isClosing || this.isFull(clientOf(ip))) {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (accepted) => this.opened({ socket: accepted, ip, operations: new Set(), principal: undefined, headers: {}, isAlive: true }));
  }

  private isFull(address: string): boolean {
    const unknown = [...this.clients].filter(({ principal }) => principal === undefined);
    return this.clients.size >= MOST_SOCKETS || unknown.length >= MOST_UNKNOWN || unknown.filter(({ ip }) => clientOf(ip) === address).length >= MOST_UNKNOWN_OF_ONE;
  }

  private opened(client: Client): void {
    const { socket } = client;
    this.clients.add(client);
    open.set(this.clients.size);
    const closed = this.server.opened({
      protocol: socket.protocol,
      // Resolved when it has left: who reads slowly is sent slowly.
      send: (text) => new Promise((resolve, reject) => (socket.readyState === socket.OPEN ? socket.send(text, (error) => (error ? reject(error) : resolve())) : resolve())),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) => socket.on('message', (data: Buffer) => void take(String(data)).catch((error: unknown) => this.broke(client, error))),
    }, client);
    socket.on('pong', () => { client.isAlive = true; });
    socket.on('error', () => socket.terminate());
    socket.once('close', (code, reason) => {
      this.clients.delete(client);
      open.set(this.clients.size);
      void closed(code, reason.toString()).catch((error: unknown) => log.warn({ err: error }, 'a socket did not end cleanly'));
    });
  }

  private build(): Server<Client> {
    return makeServer<Record<string, unknown>, Client>({
      connectionInitWaitTimeout: INIT_MS,
      execute, subscribe,
      onConnect: ({ connectionParams, extra }) => this.greet(extra, credentialOf(connectionParams)),
      onSubscribe: async ({ extra }, id, payload) => {
        if (extra.operations.size >= MOST_OPERATIONS) return [new GraphQLError(`A socket runs at most ${MOST_OPERATIONS} subscriptions.`, { extensions: { code: 'SUBSCRIPTIONS_TOO_MANY', kind: 'rate-limited', retryable: true } })];
        extra.operations.add(id);
        const request = requestOf(extra);
        const admitted = await withLogContext({ requestId: request.id }, () => this.operations.admit(request, { ...payload }));
        if (Array.isArray(admitted)) extra.operations.delete(id);
        return admitted;
      },
      onError: ({ extra }, id, _payload, errors) => {
        extra.operations.delete(id);
        return this.operations.format(errors);
      },
      onNext: (_context, _id, _payload, _args, result) => (result.errors ? { ...result, errors: this.operations.format(result.errors) } : undefined),
      onComplete: ({ extra }, id) => void extra.operations.delete(id),
    });
  }

  /** @returns whether the socket may go on. */
  private async greet(client: Client, headers: StatefulRequest['headers']): Promise<boolean> {
    client.headers = headers;
    try {
      const { key } = await this.guard.identify(requestOf(client));
      const others = [...this.clients].filter(({ principal }) => principal === key).length;
      if (others >= MOST_OF_ONE) throw new DomainError('rate-limited', 'SOCKETS_TOO_MANY', `You have ${MOST_OF_ONE} sockets here already.`);
      client.principal = key;
      return true;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      client.socket.close({ unauthenticated: UNAUTHENTICATED, 'rate-limited': TOO_MANY }[error.kind as string] ?? INTERNAL, error.code);
      return false;
    }
  }

  private broke({ socket }: Client, error: unknown): void {
    log.error({ err: error }, 'an unexpected error');
    socket.close(INTERNAL, 'INTERNAL');
  }

  /** Who has not answered the last one is gone. */
  private ping(): void {
    for (const client of this.clients) {
      if (!client.isAlive) client.socket.terminate();
      else client.socket.ping();
      client.isAlive = false;
    }
  }
}

function isForGraphql(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.url?.split('?', 1)[0] === GRAPHQL_PATH && request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** As the header fields of a request would carry it. */
function credentialOf(params: Record<string, unknown> | undefined): StatefulRequest['headers'] {
  const entries = Object.entries(params ?? {}).map(([name, value]): [string, unknown] => [name.toLowerCase(), value]);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => ['authorization', 'x-api-key'].includes(entry[0]) && typeof entry[1] === 'string'));
}

/** Each operation is a request of its own. */
function requestOf({ ip, headers }: Client): StatefulRequest {
  return { id: randomUUID(), ip, headers, raw: { rawHeaders: [] } };
}
