import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { TextField } from './fields.js';
import { DEFAULT_PAGE, encodeCursor, MAX_PAGE, type Page, type PageRequest } from '../database/page.js';

@ObjectType()
export class PageInfo {
  @Field(() => Boolean) hasNextPage!: boolean;
  @Field(() => Boolean) hasPreviousPage!: boolean;
  @Field(() => String, { nullable: true }) startCursor!: string | null;
  @Field(() => String, { nullable: true }) endCursor!: string | null;
}

/** `first` and `after` of a Relay connection. */
@ArgsType()
export class ConnectionArgs {
  @Field(() => Int, { defaultValue: DEFAULT_PAGE, description: `Size of the page, at most ${MAX_PAGE}.` })
  @IsInt() @Min(1) @Max(MAX_PAGE)
  first: number = DEFAULT_PAGE;

  @Field(() => String, { nullable: true, description: 'Cursor of the edge to start after.' })
  @IsOptional() @IsString() @MaxLength(500)
  after?: string;

  toPage(): PageRequest {
    return { limit: this.first, cursor: this.after ?? undefined };
  }
}

/** Arguments of a tenant's list at the top level: they stand in one class, because unknown arguments are refused. */
@ArgsType()
export class TenantConnectionArgs extends ConnectionArgs {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
}

export interface Edge<Node> {
  cursor: string;
  node: Node;
}

export interface Connection<Node> {
  edges: Edge<Node>[];
  nodes: Node[];
  pageInfo: PageInfo;
}

/** Makes the `XConnection` and `XEdge` types of a node type. */
export function connectionOf<Node>(node: new () => Node, name: string): new () => Connection<Node> {
  @ObjectType(`${name}Edge`)
  class EdgeType implements Edge<Node> {
    @Field(() => String) cursor!: string;
    @Field(() => node) node!: Node;
  }
  @ObjectType(`${name}Connection`)
  class ConnectionType implements Connection<Node> {
    @Field(() => [EdgeType]) edges!: EdgeType[];
    @Field(() => [node]) nodes!: Node[];
    @Field(() => PageInfo) pageInfo!: PageInfo;
  }
  return ConnectionType;
}

/** Rows paged by age become edges; the cursor of an edge is the same one REST gives as `nextCursor`. */
export function toConnection<Row, Node extends { createdAt: Date; id: string }>(page: Page<Row>, args: ConnectionArgs, map: (row: Row) => Node): Connection<Node> {
  const nodes = page.items.map(map);
  const edges = nodes.map((node) => ({ cursor: encodeCursor({ time: node.createdAt.toISOString(), id: node.id }), node }));
  return {
    edges,
    nodes,
    pageInfo: {
      hasNextPage: page.nextCursor !== null,
      hasPreviousPage: args.after !== undefined && args.after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}
