import { createHash } from 'node:crypto';
import { GraphQLError, parse, type DocumentNode } from 'graphql';
import { BoundedCache } from '../caching/bounded-cache.js';
import type { Config } from '../config/config.js';
import { DomainError } from '../errors/domain-error.js';
import { DOCUMENT_LIMITS, excessOf, measureDocument } from './document-size.policy.js';
import { TrustedDocuments } from './trusted-documents.js';

/** Longest text of a document; values belong into variables, which are not counted here. */
const LONGEST_DOCUMENT = 128 * 1024;
export const MOST_TOKENS = 5_000;
const REMEMBERED = 5_000;
const REMEMBERED_MS = 3_600_000;

/** One operation as a client sent it. */
export interface SentOperation {
  query?: unknown;
  extensions?: unknown;
}

/**
 * What a document must pass before it is validated: it is one of the trusted ones, where there are such, and no larger than the limits. Apollo
 * parses and validates what passed, and keeps it; a document seen before passes by its hash.
 */
export class DocumentGate {
  private readonly passed = new BoundedCache<string, true>(REMEMBERED, REMEMBERED_MS);

  constructor(readonly trusted: TrustedDocuments | undefined) {}

  /** @throws {ConfigurationError} for trusted documents that cannot be read. */
  static forProcess(config: Config): DocumentGate {
    const path = config.FNPLANE_GRAPHQL_TRUSTED_DOCUMENTS;
    return new DocumentGate(path === undefined ? undefined : TrustedDocuments.read(path));
  }

  /** @throws {DomainError} DOCUMENT_NOT_TRUSTED, QUERY_TOO_LARGE, QUERY_TOO_DEEP */
  demand({ query, extensions }: SentOperation): void {
    if (this.trusted) return demandTrusted(this.trusted, query, extensions);
    if (typeof query !== 'string') return;
    if (query.length > LONGEST_DOCUMENT) throw tooLarge(`is longer than ${LONGEST_DOCUMENT} characters; pass values as variables`, 'length', LONGEST_DOCUMENT);
    const hash = createHash('sha256').update(query).digest('base64');
    if (this.passed.get(hash)) return;
    if (demandSize(query)) this.passed.set(hash, true);
  }
}

function demandTrusted(trusted: TrustedDocuments, query: unknown, extensions: unknown): void {
  const hash = (extensions as { persistedQuery?: { sha256Hash?: unknown } | null } | null | undefined)?.persistedQuery?.sha256Hash;
  // A text beside the hash is the document itself, which Apollo checks by the hash, or it is refused there.
  if (typeof hash === 'string' && trusted.has(hash) && (query === undefined || query === null || typeof query === 'string')) return;
  throw new DomainError('malformed', 'DOCUMENT_NOT_TRUSTED', 'This platform executes known documents only; ask for one by its sha256 as documentId, or as extensions.persistedQuery.sha256Hash.');
}

/** False for what is no GraphQL: Apollo says so. */
function demandSize(query: string): boolean {
  try {
    demandMeasure(parse(query, { maxTokens: MOST_TOKENS, noLocation: true }));
    return true;
  } catch (error) {
    // Nested beyond the stack of the parser or of the measure.
    if (error instanceof RangeError) throw tooDeep(DOCUMENT_LIMITS.depth);
    if (!(error instanceof GraphQLError)) throw error;
    if (/more that \d+ tokens/.test(error.message)) throw tooLarge(`has more than ${MOST_TOKENS} tokens`, 'tokens', MOST_TOKENS);
    return false;
  }
}

function demandMeasure(document: DocumentNode): void {
  const measure = measureDocument(document);
  if (measure.cyclic) throw new DomainError('malformed', 'GRAPHQL_VALIDATION_FAILED', 'A fragment of the document contains itself.');
  const excess = excessOf(measure, DOCUMENT_LIMITS);
  if (!excess) return;
  if (excess.limit === 'depth' || excess.limit === 'valueDepth') throw tooDeep(excess.allowed, excess.limit);
  throw tooLarge(`has more than ${excess.allowed} ${excess.words}`, excess.limit, excess.allowed);
}

function tooLarge(what: string, limit: string, allowed: number): DomainError {
  return new DomainError('malformed', 'QUERY_TOO_LARGE', `The document ${what}.`, { details: { limit, allowed } });
}

function tooDeep(allowed: number, limit = 'depth'): DomainError {
  return new DomainError('malformed', 'QUERY_TOO_DEEP', `The query is nested deeper than ${allowed} levels.`, { details: { limit, allowed } });
}
