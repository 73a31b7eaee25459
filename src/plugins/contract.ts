import fastJsonStringify from 'fast-json-stringify'
import fp from 'fastify-plugin'
import { z } from 'zod'
import { invalid } from '../errors.ts'

const isZod = (schema: unknown): schema is z.ZodType => typeof schema === 'object' && schema !== null && '_zod' in schema

/**
 * A zod schema as a compiled serializer. It drops what the contract does not name and throws on what is missing.
 * Unions are tried by validation there, so closed objects are opened: their extra keys are still dropped.
 */
export function compileSerializer(schema: z.ZodType): (value: unknown) => string {
  const json = z.toJSONSchema(schema, {
    io: 'output',
    target: 'draft-7',
    unrepresentable: 'throw',
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
      // Formats and patterns were checked on the way in.
      delete jsonSchema.format
      delete jsonSchema.pattern
      // "X or null" needs no trial of both.
      const [some, none, ...more] = jsonSchema.anyOf ?? []
      if (typeof some !== 'object' || typeof none !== 'object' || none.type !== 'null' || more.length > 0) return
      delete jsonSchema.anyOf
      Object.assign(jsonSchema, some, { nullable: true })
    },
  })
  delete json.$schema
  return fastJsonStringify(json as fastJsonStringify.Schema)
}

/** Routes validate and serialise by the zod values of the contract; plugins with plain JSON Schema keep theirs. */
export const contractPlugin = fp(
  async (app) => {
    // Fastify would read it as a string; here it is no JSON, like anything else that is none.
    app.removeContentTypeParser('text/plain')
    app.setValidatorCompiler<unknown>(({ schema, httpPart }) => (value: unknown) => {
      if (!isZod(schema)) return { value }
      // Fastify says null where there is no body.
      const parsed = schema.safeParse(value ?? undefined)
      return parsed.success ? { value: parsed.data } : { error: invalid(httpPart ?? 'body', parsed.error.issues) }
    })
    app.setSerializerCompiler(({ schema }) => {
      if (!isZod(schema)) return fastJsonStringify(schema as fastJsonStringify.Schema)
      if (schema instanceof z.ZodUndefined) return () => ''
      // At its first use: all of them together are a tenth of the time to start.
      let serialize: ReturnType<typeof compileSerializer> | undefined
      return (value) => {
        serialize ??= compileSerializer(schema)
        return serialize(value)
      }
    })
  },
  { name: 'cutroom-contract' },
)
