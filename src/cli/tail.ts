import { CutroomError, createClient, type Meta, projects, rooms } from '@cutroom/client'
import { variable } from './configure.ts'
import { CommandError, cut, note, paint, width } from './output.ts'

export interface TailOptions {
  url?: string
  token?: string
  /** seq; the events after it. */
  from?: string
  json?: boolean
}

interface TailEvent {
  name: string
  payload: object
  meta: Meta
}

/** Events of one request. */
const PAGE = 200

const colours = { created: 'green', reply: 'green', joined: 'green', deleted: 'red', left: 'red' } as const

/** What an event is about, in a few words. */
function about(payload: object): string {
  const fields = payload as Record<string, unknown>
  const of = (name: string) => (typeof fields[name] === 'string' ? fields[name] : undefined)
  const person = fields.user as { name?: string } | undefined
  const text = of('body') ?? of('title') ?? of('name') ?? person?.name
  if (text !== undefined) return text
  if (of('from') !== undefined) return `${of('from')} → ${of('to')}`
  const id = Object.entries(fields).find(
    ([name, value]) => name.endsWith('Id') && name !== 'projectId' && typeof value === 'string',
  )
  return id ? `${id[0]} ${id[1]}` : ''
}

/** One event as a line: `12:44:03   123 comment:created  Ann: Louder here`. */
function lineOf({ name, payload, meta }: TailEvent): string {
  const time = new Date(meta.at).toTimeString().slice(0, 8)
  const verb = name.split(':')[1] ?? ''
  const head = `${time} ${String(meta.seq).padStart(6)} `
  const label = name.padEnd(16)
  const rest = cut(`${meta.actor?.name ?? 'server'}: ${about(payload)}`, width() - head.length - label.length - 1)
  const colour = colours[verb as keyof typeof colours] ?? 'cyan'
  return `${paint('dim', head)}${paint(colour, label)} ${rest}`
}

function readFrom(from: string): number {
  const after = Number(from)
  if (!/^\d{1,15}$/.test(from)) throw new CommandError('--from is the number of an event: 0 is all that is kept')
  return after
}

/**
 * `cutroom tail`: prints what happened after `--from`, if it is given, then what happens, until it is stopped.
 * @throws CommandError
 */
export async function tail(projectId: string, { url, token, from, json }: TailOptions): Promise<void> {
  const base = url ?? variable('CUTROOM_URL') ?? 'http://localhost:3000'
  const accessToken = token ?? variable('CUTROOM_TOKEN')
  if (accessToken === undefined)
    throw new CommandError('Set CUTROOM_TOKEN to an API token: cutroom token add EMAIL --name tail --role viewer makes one')
  const after = from === undefined ? undefined : readFrom(from)
  const give = (reason: string) => {
    console.error(reason)
    process.exit(1)
  }
  const client = createClient({ url: base, tokens: { accessToken }, onSignedOut: ({ title }) => give(title) })
  const print = (event: TailEvent) => console.log(json ? JSON.stringify(event) : lineOf(event))
  process.once('SIGINT', () => process.exit(0))

  try {
    const { name } = await client.call(projects.get, { params: { projectId } })
    const position = after === undefined ? undefined : await printKept(client, projectId, after, print)
    if (!json) note(`${cut(name, 60)}: live. Ctrl-C ends it.`)
    const room = client.room(projectId, { state: false, ...(position && { from: position }) })
    room.on('event', (event) => print(event))
    room.on('reset', () => note('Events were missed that are not kept any more.'))
    room.on('status', (status) => {
      if (status === 'stale') note('Connection lost; coming back.')
      if (status === 'offline' && room.problem) give(room.problem.title)
    })
    room.on('revoked', (reason) => give(`You are not in this project any more: ${reason}`))
  } catch (error) {
    client.close()
    if (error instanceof CommandError) throw error
    if (error instanceof CutroomError && error.code === 'not-found')
      throw new CommandError('There is no such project, or the token does not reach it')
    if (error instanceof CutroomError) throw new CommandError(error.message)
    throw new CommandError(`${base} cannot be reached: is the server running, and --url right?`)
  }
}

/** Prints the log after a position. @returns where it ends now */
async function printKept(
  { call }: ReturnType<typeof createClient>,
  projectId: string,
  after: number,
  print: (event: TailEvent) => void,
): Promise<{ epoch: string; seq: number }> {
  for (let seq = after; ; ) {
    const page = await call(rooms.events, { params: { projectId }, query: { after: `${seq}`, limit: `${PAGE}` } as never }).catch(
      (error) => {
        if (error instanceof CutroomError && error.code === 'gone')
          throw new CommandError(`Events after ${after} are not kept any more`)
        throw error
      },
    )
    if (after > page.head) throw new CommandError(`The log ends at ${page.head}`)
    for (const event of page.data) print(event)
    seq = page.data.at(-1)?.meta.seq ?? page.head
    if (seq >= page.head) return { epoch: page.epoch, seq }
  }
}
