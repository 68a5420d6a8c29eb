import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GraphQLError, parse, validate, type GraphQLSchema } from 'graphql';
import { z } from 'zod';
import { ConfigurationError } from '../config/config.js';

/** What code generators write: hash to document; or the persisted queries manifest, a list of operations with their id and body. */
const hashMap = z.record(z.string().regex(/^(sha256:)?[0-9a-f]{64}$/), z.string().min(1));
const queriesManifest = z.looseObject({ format: z.literal('apollo-persisted-query-manifest'), operations: z.array(z.looseObject({ id: z.string().regex(/^[0-9a-f]{64}$/), body: z.string().min(1) })) })
  .transform(({ operations }) => Object.fromEntries(operations.map(({ id, body }) => [id, body])));

const HASH_LENGTH = 64;
const SETTING = 'FNPLANE_GRAPHQL_TRUSTED_DOCUMENTS';

/** The documents an operator lets in, by their sha256; also in the form of the cache in which Apollo looks up persisted queries. */
export class TrustedDocuments {
  private constructor(private readonly documents: ReadonlyMap<string, string>) {}

  /** @throws {ConfigurationError} for a file that cannot be read, or whose hashes are not those of its documents. */
  static read(path: string): TrustedDocuments {
    const documents = new Map<string, string>();
    for (const [id, document] of Object.entries(readManifest(path))) {
      const hash = id.replace(/^sha256:/, '');
      if (createHash('sha256').update(document).digest('hex') !== hash) throw new ConfigurationError(`${SETTING}: ${hash} is not the sha256 of its document`);
      documents.set(hash, document);
    }
    return new TrustedDocuments(documents);
  }

  /** @throws {ConfigurationError} for a document that does not fit the schema: its clients would find out one by one. */
  demandValid(schema: GraphQLSchema): void {
    for (const [hash, document] of this.documents) {
      const problem = firstProblem(schema, document);
      if (problem !== undefined) throw new ConfigurationError(`${SETTING}: document ${hash} does not fit this version's schema: ${problem}`);
    }
  }

  /** @param key a hash, with what Apollo puts before it. */
  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.documents.get(key.slice(-HASH_LENGTH)));
  }

  has(hash: string): boolean {
    return this.documents.has(hash);
  }

  /** Nobody adds to them. */
  set(): Promise<void> {
    return Promise.resolve();
  }

  delete(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

function readManifest(path: string): Record<string, string> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch (error) {
    throw new ConfigurationError(`${SETTING} names a file that cannot be read as JSON: ${(error as NodeJS.ErrnoException).code ?? 'not JSON'}`);
  }
  const parsed = z.union([queriesManifest, hashMap]).safeParse(content);
  if (!parsed.success) throw new ConfigurationError(`${SETTING}: the file must be a JSON object of sha256 (64 hexadecimal digits) to document`);
  return parsed.data;
}

function firstProblem(schema: GraphQLSchema, document: string): string | undefined {
  try {
    return validate(schema, parse(document))[0]?.message;
  } catch (error) {
    if (error instanceof GraphQLError) return error.message;
    throw error;
  }
}
