import { z } from 'zod'

/** JSON Schema, as far as the reference reads it. */
export interface JsonSchema {
  $ref?: string
  type?: string | string[]
  format?: string
  pattern?: string
  const?: unknown
  enum?: unknown[]
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: boolean | JsonSchema
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  maxItems?: number
  default?: unknown
  description?: string
  examples?: unknown[]
}

/** Zod writes out what every reader knows: the pattern behind a format, the bounds of a safe integer. */
export function plain({ jsonSchema }: { jsonSchema: JsonSchema & { id?: unknown } }): void {
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  // The name of a component; as a keyword of JSON Schema it would be an address.
  delete jsonSchema.id
}

const COMPONENTS = '#/components/schemas/'
export const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1)

/** Schemas of one document: those that have a name stand once, and are referred to. */
export interface Schemas {
  components: Record<string, JsonSchema>
  /** What is sent (`input`) or received (`output`). */
  add(schema: z.ZodType, io: 'input' | 'output'): JsonSchema
}

export function createSchemas(): Schemas {
  const components: Record<string, JsonSchema> = {}
  const referring = (value: object): JsonSchema =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/definitions/', `"${COMPONENTS}`)) as JsonSchema
  return {
    components,
    add(schema, io) {
      // Within an object a schema with a name is a reference, too.
      const made = z.toJSONSchema(z.object({ it: schema }), {
        io,
        target: 'draft-7',
        unrepresentable: 'any',
        override(context) {
          plain(context as { jsonSchema: JsonSchema })
          // A client must not break on a field that a later version sends.
          if (io === 'output' && context.jsonSchema.additionalProperties === false) delete context.jsonSchema.additionalProperties
        },
      })
      const definitions = made.definitions as Record<string, object> | undefined
      for (const [name, definition] of Object.entries(definitions ?? {})) components[name] = referring(definition)
      return referring(made.properties?.it as object)
    },
  }
}
