import { globSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { EntityManager } from 'typeorm';
import type { SystemContext, TenantContext } from '../context/context.js';
import { TenantRepository, type TenantRow } from './tenant-repository.js';

interface Note extends TenantRow {
  id: string;
}

/** A repository like those of the domains, with its inherited tools made visible. */
abstract class NotesRepository extends TenantRepository<Note> {
  find(context: TenantContext, id: string): Promise<Note | null> {
    return this.run(context, (manager) => this.scoped(manager, context, 'note').andWhere('note.id = :id', { id }).getOne());
  }

  add(context: TenantContext, note: Note): Promise<Note> {
    return this.insert(context, note);
  }

  /** Never called: `npm run check` compiles it, and fails as soon as one of these lines is no error any more. */
  careless(manager: EntityManager, system: SystemContext, note: Note): void {
    // @ts-expect-error the filter needs a tenant
    this.scoped(manager, 'note');
    // @ts-expect-error the system is no tenant
    this.scoped(manager, system, 'note');
    // @ts-expect-error a tenant's id is no context: nobody checked it
    this.scoped(manager, note.tenantId, 'note');
    // @ts-expect-error rows are written in a tenant
    void this.insert(note);
    // @ts-expect-error the system writes no tenant's rows by this way
    void this.insert(system, note);
    // @ts-expect-error nothing runs without a tenant
    void this.run(async () => undefined);
    // @ts-expect-error nor as the system
    void this.run(system, async () => undefined);
  }
}

/** Files of all repositories that stand on this one, directly or by another. */
const REPOSITORIES = globSync('src/domains/*/store/*.repository.ts').filter((path) => /class \w+(?:<[^{]*>)? extends \w+Repository\b/.test(readFileSync(path, 'utf8')));
const CONTEXTS = ['TenantContext', 'SystemContext', 'Context'];

/** Public methods of the file's classes with the declared type of their first argument. */
function firstArguments(path: string): { method: string; type: string }[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const hidden = (node: ts.MethodDeclaration): boolean => (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword || kind === ts.SyntaxKind.ProtectedKeyword);
  return source.statements.filter(ts.isClassDeclaration).flatMap((declaration) => declaration.members.filter(ts.isMethodDeclaration).filter((method) => !hidden(method))
    .map((method) => ({ method: `${declaration.name?.text}.${method.name.getText()}`, type: method.parameters[0]?.type?.getText() ?? 'nothing' })));
}

describe('repositories of tenants\' rows', () => {
  it('cannot be called without a tenant', () => {
    expectTypeOf<NotesRepository['find']>().parameter(0).toEqualTypeOf<TenantContext>();
    expectTypeOf<SystemContext>().not.toExtend<TenantContext>();
    expectTypeOf<string>().not.toExtend<TenantContext>();
    expectTypeOf<{ scope: 'tenant'; tenantId: string }>().not.toExtend<TenantContext>();
    const repository = {} as NotesRepository;
    // @ts-expect-error a tenant is demanded
    expectTypeOf(repository.find).toBeCallableWith('id');
    expectTypeOf(repository.add).toBeCallableWith({} as TenantContext, { tenantId: 'a', id: 'b' });
  });

  it.each(REPOSITORIES)('%s: every method names its tenant, or says that it works for none', (path) => {
    const methods = firstArguments(path);
    expect(methods.length).toBeGreaterThan(0);
    expect(methods.filter(({ type }) => !CONTEXTS.includes(type))).toEqual([]);
  });

  it('are all found', () => {
    expect(REPOSITORIES.length).toBeGreaterThan(8);
  });
});
