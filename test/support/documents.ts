import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { type TransformOptions, transform } from 'esbuild'
import { io, type Socket } from 'socket.io-client'
import { onTestFinished } from 'vitest'

const SEEDS = join(import.meta.dirname, '../seeds')

/** One of the documents that this project began with, as it was found. */
export const documentOf = (name: string): string => readFileSync(join(SEEDS, `${name}.txt`), 'utf8')

/** The part of a document from its first `from` up to the `to` behind it. Fails where the document has no such part. */
export function cutOut(name: string, from: string, to: string): string {
  const text = documentOf(name)
  const start = text.indexOf(from)
  const end = text.indexOf(to, start + from.length)
  if (start < 0 || end < 0) throw new Error(`${name} has nothing between ${from} and ${to}`)
  return text.slice(start, end)
}

/** The rows of a table of a document: its cells, without the backticks of a name. */
export const rowsOf = (part: string): string[][] =>
  part
    .split('\n')
    .filter((line) => line.startsWith('|') || /^[\w:]+ \|/.test(line))
    .map((line) => line.replace(/^\||\|$/g, '').split('|'))
    .map((cells) => cells.map((cell) => cell.trim().replace(/`/g, '')))
    .filter(([first = '']) => !/^-+$|^Event$/.test(first))

export interface ExampleOptions {
  /** What takes the place of what the document leaves open: host, token. */
  fill: Record<string, string>
  /** Sent with each handshake: the login, where the example names no token. */
  headers?: Record<string, string>
  /** What the page of the example has besides. */
  globals?: Record<string, unknown>
}

export interface RunExample {
  sockets: Socket[]
  /** Lines of the console. */
  said: string[]
}

/** The printed text with what it leaves open filled in. */
export function filled(code: string, fill: Record<string, string>): string {
  return Object.entries(fill).reduce((text, [printed, value]) => text.replaceAll(printed, value), code)
}

const options: TransformOptions = { loader: 'jsx', format: 'cjs', target: 'node20' }

/** Runs an example of a document with the real client; its sockets are closed when the test ends. */
export async function runExample(code: string, { fill, headers, globals = {} }: ExampleOptions): Promise<RunExample> {
  const run: RunExample = { sockets: [], said: [] }
  const connect = (url: string, given: object) => {
    const socket = io(url, { forceNew: true, ...(headers && { extraHeaders: headers }), ...given })
    onTestFinished(() => void socket.close())
    run.sockets.push(socket)
    return socket
  }
  const say = (...words: unknown[]) =>
    void run.said.push(words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' '))
  const context = createContext({
    io: connect,
    require: (name: string) => {
      if (name === 'socket.io-client') return { io: connect }
      throw new Error(`the example asks for ${name}`)
    },
    console: { log: say, error: say },
    module: { exports: {} },
    ...globals,
  })
  runInContext((await transform(filled(code, fill), options)).code, context)
  return run
}
