import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { APP_ID } from '../subjects/parse/client.ts'
import { startProgram } from './program.ts'
import type { Bench } from './scenario.ts'
import type { Person, Place, Running, World } from './subject.ts'
import type { Sending } from './uploads.ts'

/** Files of any number and size, as far as people's limits go: they are not what is measured. */
export const NO_QUOTA = { QUOTA_PROJECT: 'off', QUOTA_PERSON: 'off' }

/** A server that takes files in one way. */
export interface Site {
  title: string
  pids: readonly number[]
  /** A file of this size, all of it. */
  whole(size: number): Sending
}

const sending = (url: string, size: number, headers: Record<string, string>): Sending => ({
  url,
  method: 'POST',
  headers,
  before: '',
  after: '',
  from: 0,
  to: size,
  cutAt: null,
})
const bearer = ({ token }: Person) => ({ authorization: `Bearer ${token}` })

export const TUS = { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' }
const base64 = (text: string) => Buffer.from(text).toString('base64')
/** Headers by which an upload in parts begins. */
export const tusHeaders = (person: Person, { cutId }: Place, size: number) => ({
  ...bearer(person),
  ...TUS,
  'upload-length': String(size),
  'upload-metadata': `cutId ${base64(cutId)},filename ${base64('stems.zip')}`,
})

const BOUNDARY = 'boundary-of-the-bench'
/** A file in a form. */
export const formOf = (url: string, person: Person, { cutId }: Place, size: number): Sending => ({
  ...sending(`${url}/api/cuts/${cutId}/files`, size, {
    ...bearer(person),
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
  }),
  before: `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="stems.zip"\r\ncontent-type: application/zip\r\n\r\n`,
  after: `\r\n--${BOUNDARY}--\r\n`,
})

/** The first place, and who owns it. @throws where there is none */
export function ownerIn({ people, places }: World): { person: Person; place: Place } {
  const [place] = places
  const person = people[place?.members[0] ?? -1]
  if (!place || !person) throw new Error('there is no project')
  return { person, place }
}

function ofCutroom(running: Running, world: World): Site[] {
  const [url = ''] = running.urls
  const { person, place } = ownerIn(world)
  return [
    { title: 'Cutroom, a form', pids: running.pids, whole: (size) => formOf(url, person, place, size) },
    {
      title: 'Cutroom, tus in one part',
      pids: running.pids,
      whole: (size) => sending(`${url}/api/uploads`, size, tusHeaders(person, place, size)),
    },
  ]
}

function ofParse({ urls: [url = ''], pids }: Running, world: World): Site {
  const headers = { 'x-parse-application-id': APP_ID, 'x-parse-session-token': ownerIn(world).person.token }
  const whole = (size: number) => sending(`${url}/parse/files/stems.zip`, size, { ...headers, 'content-type': 'application/zip' })
  return { title: 'Parse Server 9, files on disk', pids, whole }
}

/** Cutroom, and what it is compared with, each in a process of its own. `stop` ends what is there, also where the start failed. */
export async function startSites(bench: Bench, stops: (() => Promise<void>)[]): Promise<Site[]> {
  const sites: Site[] = []
  for (const [title, kind] of [
    ['node:http to disk', ''],
    ['node:http, SHA-256 and fsync', 'hash'],
  ] as const) {
    const folder = await mkdtemp(join(tmpdir(), 'cutroom-bench-uploads-'))
    stops.push(() => rm(folder, { recursive: true, force: true }))
    const env = { FOLDER: folder, WITH: kind }
    const program = await startProgram(new URL('../subjects/plain-upload/server.js', import.meta.url), env)
    stops.push(program.stop)
    sites.push({ title, pids: [program.pid], whole: (size) => sending(program.url, size, {}) })
  }
  for (const subject of await bench.subjects('cutroom', 'parse')) {
    const running = await subject.start({ postgres: await bench.postgres(), env: NO_QUOTA })
    stops.push(running.stop)
    const world = await running.seed({ people: 4, projects: 1, members: 4 })
    sites.push(...(subject.name === 'parse' ? [ofParse(running, world)] : ofCutroom(running, world)))
  }
  return sites
}
