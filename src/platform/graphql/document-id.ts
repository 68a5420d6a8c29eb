/** Where GraphQL is served. */
export const GRAPHQL_PATH = '/graphql';

interface GraphqlCarrier {
  method: string;
  body?: unknown;
  query: unknown;
  raw: { url?: string };
}

const DOCUMENT_ID = /^(?:sha256:)?([0-9a-f]{64})$/;

/**
 * `documentId` of GraphQL over HTTP says the same as Apollo's `persistedQuery` extension, and becomes it, in the body of a POST or the address
 * of a GET, before Apollo reads either. An id of another form becomes one that nobody has.
 */
export function adaptDocumentId(request: GraphqlCarrier): void {
  if (request.method === 'GET') {
    const { documentId, extensions } = request.query as { documentId?: unknown; extensions?: unknown };
    if (documentId === undefined || extensions !== undefined) return;
    const added = JSON.stringify(persistedQuery(documentId));
    (request.query as { extensions?: string }).extensions = added;
    request.raw.url = `${request.raw.url}&extensions=${encodeURIComponent(added)}`;
  } else {
    for (const operation of Array.isArray(request.body) ? (request.body as unknown[]) : [request.body]) adaptOperation(operation);
  }
}

/** The same for one operation. */
export function adaptOperation(operation: unknown): void {
  const body = operation as { documentId?: unknown; extensions?: unknown } | null | undefined;
  if (typeof body !== 'object' || body === null || body.documentId === undefined || body.documentId === null) return;
  if (body.extensions === undefined || body.extensions === null) body.extensions = {};
  const extensions = body.extensions as { persistedQuery?: unknown };
  if (typeof extensions === 'object') extensions.persistedQuery ??= persistedQuery(body.documentId).persistedQuery;
}

function persistedQuery(documentId: unknown): { persistedQuery: { version: 1; sha256Hash: string } } {
  const hash = typeof documentId === 'string' ? DOCUMENT_ID.exec(documentId)?.[1] : undefined;
  return { persistedQuery: { version: 1, sha256Hash: hash ?? 'unknown' } };
}
