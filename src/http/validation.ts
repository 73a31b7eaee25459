import { isUtf8 } from 'node:buffer'
import { MAX_LEVELS, MAX_VALUES } from '@cutroom/contract'
import fastJsonStringify from 'fast-json-stringify'
import type { FastifySchemaCompiler } from 'fastify'
import fp from 'fastify-plugin'
import { z } from 'zod'
import { invalid, problem } from '../errors.ts'

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

const serializers = new WeakMap<z.ZodType, (value: unknown) => string>()

/** The serializer of a schema, compiled at its first use: all of them together are a tenth of the time to start. */
export function serializerOf(schema: z.ZodType): (value: unknown) => string {
  return (value) => {
    const serialize = serializers.get(schema) ?? compileSerializer(schema)
    serializers.set(schema, serialize)
    return serialize(value)
  }
}

/** Characters; what is shorter is parsed in no time, whatever it is. */
const SHORT = 10_000

/** May this be parsed? One look at each character, without building anything. */
function withinLimits(json: string): boolean {
  let [depth, values, isText] = [0, 0, false]
  for (let n = 0; n < json.length; n++) {
    const character = json[n]
    if (isText) {
      if (character === '\\') n++
      else if (character === '"') isText = false
    } else if (character === '"') isText = true
    else if (character === '[' || character === '{') depth++
    else if (character === ']' || character === '}') depth--
    else if (character === ',') values++
    if (depth > MAX_LEVELS || values > MAX_VALUES) return false
  }
  return true
}

/** Validates one part of a request by its zod schema. */
export const validate: FastifySchemaCompiler<unknown> =
  ({ schema, httpPart }) =>
  (value: unknown) => {
    if (!isZod(schema)) return { value }
    // Fastify says null where there is no body.
    const parsed = schema.safeParse(value ?? undefined)
    return parsed.success ? { value: parsed.data } : { error: invalid(httpPart ?? 'body', parsed.error.issues) }
  }

/** Routes validate and serialise by the zod values of the contract; plugins with plain JSON Schema keep theirs. */
export const contractPlugin = fp(
  async (app) => {
    // Fastify would read it as a string; here it is no JSON, like anything else that is none.
    app.removeContentTypeParser('text/plain')
    const parse = app.getDefaultJsonParser('error', 'error')
    app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
      if (bytes.length === 0) {
        done(null, undefined)
        return
      }
      // Decoding would put U+FFFD in the place of what is no text.
      if (!isUtf8(bytes)) {
        done(problem('bad-request', 'The body is not UTF-8'))
        return
      }
      const body = bytes.toString()
      if (body.length < SHORT || withinLimits(body)) parse(request, body, done)
      else done(problem('bad-request', 'The body is nested too deeply or has too many values'))
    })
    // No body is no body, whatever type it was said to have.
    app.addContentTypeParser('*', (request, _payload, done) => {
      const isEmpty = request.headers['content-length'] === '0'
      done(isEmpty ? null : problem('unsupported-media-type'), undefined)
    })
    app.setValidatorCompiler<unknown>(validate)
    app.setSerializerCompiler(({ schema }) => {
      if (!isZod(schema)) return fastJsonStringify(schema as fastJsonStringify.Schema)
      if (schema instanceof z.ZodUndefined) return () => ''
      return serializerOf(schema)
    })
  },
  { name: 'cutroom-contract' },
)
