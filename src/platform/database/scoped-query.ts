import { Query, type Connection, type QueryResult, type QueryResultRow } from 'pg';

/** Role and tenant a statement runs under. */
export interface StatementScope {
  role: string;
  /** Empty for the system's. */
  tenant: string;
}

/** What of pg's own `Query` is built upon here; its types leave it out. */
interface PreparedQuery {
  readonly name: string;
  readonly text: string;
  prepare(connection: PreparingConnection): void;
  hasBeenParsed(connection: PreparingConnection): boolean;
}

interface QueryCallback<Row extends QueryResultRow> {
  callback: (error: Error | null | undefined, results: QueryResult<Row>[]) => void;
}

interface PreparingConnection {
  submittedNamedStatements: Record<string, string>;
  close(message: { type: 'S'; name: string }): void;
  parse(message: { name: string; text: string }): void;
  bind(message: { statement: string; values: readonly unknown[] }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: object): void;
}

const SCOPE = { name: 'fnplane_scope', text: `SELECT set_config('role', $1, true), set_config('app.tenant', $2, true)` };
const knowScope = new WeakSet<object>();
const { prepare: bindAndExecute } = Query.prototype as unknown as PreparedQuery;

/**
 * Two statements in one round trip and one transaction: the scope, then what is asked. Until the Sync at their end Postgres
 * runs both in one implicit transaction, and skips the second where the first fails; the scope, being local to that
 * transaction, ends with it. Both are prepared once a connection.
 */
export class ScopedQuery extends Query {
  private connection: object | undefined;

  /** @param name of the prepared statement: another text or role must have another name. */
  constructor(private readonly scope: StatementScope, name: string, text: string, values: readonly unknown[]) {
    super({ name, text, values: [...values] });
  }

  /** Called by pg when it sends the query. */
  prepare(connection: Connection & PreparingConnection): void {
    const own = this as unknown as PreparedQuery;
    // Before the scope's: pg takes the first answer to a Parse for that of the query's own text.
    if (!own.hasBeenParsed(connection)) {
      connection.parse({ name: own.name, text: own.text });
      connection.submittedNamedStatements[own.name] = own.text;
    }
    this.connection = connection;
    if (!knowScope.has(connection)) {
      // A query that failed may have left it there; closing what is not there does no harm.
      connection.close({ type: 'S', name: SCOPE.name });
      connection.parse(SCOPE);
    }
    connection.bind({ statement: SCOPE.name, values: [this.scope.role, this.scope.tenant] });
    connection.describe({ type: 'P', name: '' });
    connection.execute({});
    bindAndExecute.call(own, connection);
  }

  /** Result of the second statement; to be asked for before the query is sent. */
  result<Row extends QueryResultRow>(): Promise<QueryResult<Row>> {
    return new Promise((resolve, reject) => {
      // A callback and no listener: pg may report a failure twice, and a second event that nobody hears would end the process.
      (this as unknown as QueryCallback<Row>).callback = (error, results) => {
        if (error) return reject(error);
        knowScope.add(this.connection!);
        resolve(results.at(-1)!);
      };
    });
  }
}
