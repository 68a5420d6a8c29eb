import { getMetadataArgsStorage, type EntityTarget } from 'typeorm';
import { SnakeNaming } from './snake-naming.js';

interface StoredColumn {
  property: string;
  /** As Postgres names it. */
  name: string;
  json: boolean;
}

interface StoredEntity {
  table: string;
  columns: StoredColumn[];
}

const naming = new SnakeNaming();
const known = new Map<EntityTarget<object>, StoredEntity>();

function stored(entity: EntityTarget<object>): StoredEntity {
  let found = known.get(entity);
  if (!found) {
    const storage = getMetadataArgsStorage();
    found = {
      table: storage.tables.find((table) => table.target === entity)!.name!,
      columns: storage.filterColumns(entity as never).map(({ propertyName, options }) => (
        { property: propertyName, name: naming.columnName(propertyName, options.name ?? ''), json: options.type === 'jsonb' })),
    };
    known.set(entity, found);
  }
  return found;
}

/** `alias.display_name AS "displayName", ...`: all columns of an entity under its own names, for statements written by hand. */
export function selectList(entity: EntityTarget<object>, alias: string): string {
  return stored(entity).columns.map(({ property, name }) => `${alias}.${name} AS "${property}"`).join(', ');
}

/** Inserts one row; what the row leaves undefined gets its default. Costs a small part of what TypeORM's query builder does. */
export function insertStatement<Row extends object>(entity: EntityTarget<Row>, row: Row): { text: string; values: unknown[] } {
  const { table, columns } = stored(entity as EntityTarget<object>);
  const given = columns.filter(({ property }) => (row as Record<string, unknown>)[property] !== undefined);
  const values = given.map(({ property, json }) => {
    const value = (row as Record<string, unknown>)[property];
    return json && value !== null ? JSON.stringify(value) : value;
  });
  return { text: `INSERT INTO "${table}" (${given.map(({ name }) => name).join(', ')}) VALUES (${given.map((_, index) => `$${index + 1}`).join(', ')})`, values };
}
