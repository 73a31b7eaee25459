import { type Program, startProgram } from './program.ts'
import { bodyOf, type HttpRequest, type Person, type Place, type Running, type SocketSpec } from './subject.ts'

/**
 * One program several times on one database. The first is up before the others start, so that one migrates.
 * When one fails, those before it end.
 */
export async function startNodes(entry: URL | string, nodes: number, env: Record<string, string>): Promise<Program[]> {
  const started: Program[] = []
  try {
    for (let node = 0; node < nodes; node++) started.push(await startProgram(entry, env))
  } catch (error) {
    await Promise.all(started.map((program) => program.stop()))
    throw error
  }
  return started
}

/** What every subject does alike that speaks of comments on cuts as Cutroom does, with bearer tokens. */
export function speakCutroom(
  subject: string,
  programs: readonly Program[],
  paths: { write: (place: Place) => string; list: (place: Place) => string; headers?: (n: string) => Record<string, string> },
): Pick<Running, 'urls' | 'pids' | 'write' | 'list' | 'connect' | 'stop'> {
  const url = programs[0]?.url ?? ''
  const bearer = (person: Person) => ({ authorization: `Bearer ${person.token}` })
  return {
    urls: programs.map((program) => program.url),
    pids: programs.map((program) => program.pid),
    write: (person, place, n): HttpRequest => ({
      url: url + paths.write(place),
      method: 'POST',
      headers: { ...bearer(person), 'content-type': 'application/json', ...paths.headers?.(n) },
      body: JSON.stringify({ body: bodyOf(n), atMs: 42_000 }),
    }),
    list: (person, place) => ({ url: url + paths.list(place), method: 'GET', headers: bearer(person), body: '' }),
    connect: (person, places): SocketSpec => ({ subject, url, token: person.token, places: places.map(({ id }) => id) }),
    stop: async () => void (await Promise.all(programs.map((program) => program.stop()))),
  }
}
