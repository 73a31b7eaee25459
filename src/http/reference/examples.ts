import { type JsonSchema, nameOf } from './schemas.ts'

/** Values of fields that no entity shows. */
const FIELDS: Record<string, unknown> = {
  email: 'ann@example.com',
  password: 'correct horse battery',
  current: 'correct horse battery',
  next: 'staple battery horse',
  refreshToken: 'c2VjcmV0',
  token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl',
  cursor: 'WyJhMCJd',
  nextCursor: null,
  room: 'project:0199f0c2-3a04-7b1e-8c4d-2f6a91d0e5b1',
  after: 41,
  head: 42,
  floor: 0,
  isTyping: true,
  isOnline: true,
  mode: 'resumed',
  presenceTotal: 1,
  reconnectInMs: 1_500,
  limit: 50,
  points: 800,
  updatedAt: '2026-03-01T10:15:00.000Z',
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Does a value look like what a schema asks for? Enough to choose an example; a test parses each with zod. */
function fits(value: unknown, schema: JsonSchema): boolean {
  const types = [schema.type ?? []].flat()
  if (schema.const !== undefined) return value === schema.const
  if (schema.enum) return schema.enum.includes(value)
  if (types.length === 0) return true
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  if (!types.includes(type === 'number' && !types.includes('number') && Number.isInteger(value) ? 'integer' : type)) return false
  if (typeof value === 'number') return (schema.minimum ?? value) <= value && value <= (schema.maximum ?? value)
  if (schema.format === 'uuid') return /^[\da-f]{8}-/.test(String(value))
  return typeof value !== 'string' || (schema.minLength ?? 0) <= value.length
}

/** Makes examples of the schemas of one document. */
export class Examples {
  readonly #components: Record<string, JsonSchema>
  /** Fields of the examples of all entities; of several the first counts. */
  readonly #fields: Record<string, unknown> = {}
  /** The examples of all entities, the one with most fields first. */
  readonly #entities: Record<string, unknown>[] = []
  /** Ids, by the name of their entity in small letters. */
  readonly #ids = new Map<string, unknown>()

  constructor(components: Record<string, JsonSchema>) {
    this.#components = components
    for (const [name, { examples = [] }] of Object.entries(components)) {
      const [example] = examples
      if (!isObject(example)) continue
      this.#entities.push(example)
      if ('id' in example) this.#ids.set(name.toLowerCase(), example.id)
      for (const [field, value] of Object.entries(example)) if (value !== null) this.#fields[field] ??= value
    }
    this.#entities.sort((a, b) => Object.keys(b).length - Object.keys(a).length)
    Object.assign(this.#fields, FIELDS)
  }

  /**
   * @param near a thing of the same story, whose fields are taken first: what is created, for the body that creates it
   * @param field the name under which the value stands
   */
  of(schema: JsonSchema, near: unknown = null, field = ''): unknown {
    if (schema.$ref !== undefined) return this.of(this.#components[nameOf(schema.$ref)] ?? {}, near, field)
    if (schema.examples?.length) return schema.examples[0]
    if (schema.const !== undefined) return schema.const
    const variants = schema.anyOf ?? schema.oneOf
    const known = this.#known(field, near)
    if (variants) {
      const variant = variants.find((each) => known !== undefined && each.$ref === undefined && fits(known, each)) ?? variants[0]
      return variant && this.of(variant, near, field)
    }
    // A list of things with a name is not the list of the same name elsewhere.
    const isNamedList = schema.items?.$ref !== undefined && !(isObject(near) && field in near)
    return known !== undefined && !isNamedList && fits(known, schema) ? known : this.#made(schema, near)
  }

  #known(field: string, near: unknown): unknown {
    if (isObject(near) && field in near) return near[field]
    const entity = [...this.#ids.keys()].find((name) => field.endsWith('Id') && field.toLowerCase().endsWith(`${name}id`))
    return entity === undefined ? this.#fields[field] : this.#ids.get(entity)
  }

  #made(schema: JsonSchema, near: unknown): unknown {
    if (schema.default !== undefined) return schema.default
    if (schema.enum) return schema.enum[0]
    const type = [schema.type ?? 'object'].flat()[0]
    if (type === 'array') return schema.items ? [this.of(schema.items, near)] : []
    if (type === 'object') return this.#object(schema.properties ?? {}, near)
    if (type === 'boolean') return true
    if (type === 'null') return null
    if (type !== 'string') return Math.max(schema.minimum ?? 1, 1)
    if (schema.format === 'uuid') return this.#ids.get('cut')
    if (schema.format === 'date-time') return this.#fields.createdAt
    return 'text'
  }

  /** What has all fields of an entity, and more, is an example of that with the rest. */
  #object(properties: Record<string, JsonSchema>, near: unknown): Record<string, unknown> {
    const extended = this.#entities.find((entity) => 'id' in entity && Object.keys(entity).every((field) => field in properties))
    const story = isObject(near) ? { ...extended, ...near } : (extended ?? null)
    return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, this.of(inner, story, name)]))
  }
}
