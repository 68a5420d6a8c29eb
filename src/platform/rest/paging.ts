import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { DEFAULT_PAGE, MAX_PAGE, type Page, type PageRequest } from '../database/page.js';

/** `limit`, `cursor` and the exact-name filter of every list. */
export class PageQuery {
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE })
  @IsOptional() @Transform(({ value }: { value: unknown }) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value)) @IsInt() @Min(1) @Max(MAX_PAGE)
  limit: number = DEFAULT_PAGE;

  @ApiPropertyOptional({ description: '`nextCursor` of the page before.', maxLength: 500 })
  @IsOptional() @IsString() @MaxLength(500)
  cursor?: string;

  toPage(): PageRequest {
    return { limit: this.limit, cursor: this.cursor };
  }
}

export class NamedPageQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Only the one with exactly this name.', maxLength: 64 })
  @IsOptional() @IsString() @MaxLength(64)
  name?: string;
}

export interface PageBody<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** Makes the `XPage` schema of an item type. */
export function pageOf<Item>(item: new () => Item, name: string): new () => PageBody<Item> {
  class PageType implements PageBody<Item> {
    @ApiProperty({ type: [item] }) items!: Item[];
    @ApiProperty({ type: String, nullable: true, description: 'Pass as `cursor` for the next page; null on the last one.' }) nextCursor!: string | null;
  }
  Object.defineProperty(PageType, 'name', { value: `${name}Page` });
  return PageType;
}

export function toPageBody<Row, Item>(page: Page<Row>, map: (row: Row) => Item): PageBody<Item> {
  return { items: page.items.map(map), nextCursor: page.nextCursor };
}
