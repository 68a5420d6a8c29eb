import type { FastifyInstance, FastifyRequest } from 'fastify';

interface KnownRoute {
  segments: readonly string[];
  methods: Set<string>;
}

/** Which methods an address has, to tell a wrong method (405 with Allow) from a wrong address (404). */
export class RouteMethods {
  private readonly routes = new Map<string, KnownRoute>();

  /** Learns every route that is added from now on. */
  constructor(fastify: FastifyInstance) {
    fastify.addHook('onRoute', ({ url, method }) => {
      const known = this.routes.get(url) ?? { segments: segmentsOf(url), methods: new Set<string>() };
      for (const name of [method].flat()) known.methods.add(name.toUpperCase());
      this.routes.set(url, known);
    });
  }

  /** Sorted; empty for addresses that no route has. */
  of(request: FastifyRequest): string[] {
    const segments = segmentsOf(request.url.split('?', 1)[0]!);
    const fitting = [...this.routes.values()].filter((route) => route.segments.length === segments.length && route.segments.every((part, index) => (part.startsWith(':') ? segments[index] !== '' : part === segments[index])));
    return [...new Set(fitting.flatMap(({ methods }) => [...methods]))].sort();
  }
}

function segmentsOf(path: string): string[] {
  return path.replace(/^\//, '').replace(/\/$/, '').split('/');
}
